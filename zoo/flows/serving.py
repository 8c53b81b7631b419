"""The signatures of an exported flow."""

import math
from typing import TYPE_CHECKING

import tensorflow as tf

from .. import seeds, signatures
from ..images import bin_centres, dequantise, to_uint8
from ..signatures import Signature

if TYPE_CHECKING:
    from .flow import Flow


def flow_signatures(flow: "Flow") -> list[Signature]:
    """sample, log_prob, encode, decode and reconstruct, the main one first.

    Events are `images`, uint8, or the `vectors` of a flow on vectors; a conditional flow takes `labels`.
    `log_prob` of images also gives `bits_per_dim`, with dequantisation noise of the seed (0, 0) in every
    row. The signatures share three compiled functions of the flow, since its graph is large.
    """
    of_images = len(flow.event_shape) == 3
    name = "images" if of_images else "vectors"
    events = signatures.images(flow.event_shape) if of_images else signatures.vectors(flow.latent_size)
    latents = signatures.vectors(flow.latent_size)
    labels = signatures.labels(flow.num_classes)

    def decode(latents, labels=None):
        events = flow._decode(latents, labels)
        return {name: to_uint8(events) if of_images else events}

    def sample(seed, temperature, labels=None):
        latents = temperature[:, None] * seeds.normal(seed, (flow.latent_size,))
        return decode(latents, labels)

    def log_prob(events, labels=None):
        scores = {"log_prob": flow._log_prob(bin_centres(events, flow.num_bits), labels)}
        if of_images:
            noise = seeds.uniform(tf.zeros([tf.shape(events)[0], 2], tf.int32), flow.event_shape)
            noisy = flow._log_prob(dequantise(events, noise, flow.num_bits), labels)
            scores["bits_per_dim"] = flow.num_bits - noisy / (flow.latent_size * math.log(2))
        return scores

    def encode(events, labels=None):
        return {"latents": flow._encode(events, labels)}

    def reconstruct(events, labels=None):
        return decode(flow._encode(events, labels), labels)

    rows = {"seed": signatures.seeds(), "temperature": signatures.temperatures()}
    return [
        Signature("sample", {**rows, **labels}, sample),
        Signature("log_prob", {name: events, **labels}, log_prob),
        Signature("encode", {name: events, **labels}, encode),
        Signature("decode", {"latents": latents, **labels}, decode),
        Signature("reconstruct", {name: events, **labels}, reconstruct),
    ]
