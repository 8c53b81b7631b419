"""The signatures of an exported flow."""

import math
from typing import TYPE_CHECKING

import tensorflow as tf

from .. import seeds, signatures
from ..images import bin_centres, dequantise, to_uint8
from ..latents import served, served_finite
from ..signatures import Signature

if TYPE_CHECKING:
    from .flow import Flow


def flow_signatures(flow: "Flow") -> list[Signature]:
    """sample, log_prob, encode, decode and reconstruct, and bits_per_dim of images, the main one first.

    Events are `images`, uint8, or the `vectors` of a flow on vectors; a conditional flow takes `labels`.
    The dequantisation noise of `bits_per_dim` is drawn from each row's `seed`. `log_prob` of images gives
    it too, with noise of the seed (0, 0) in every row. The signatures share three compiled functions of the
    flow, since its graph is large.
    """
    of_images = len(flow.event_shape) == 3
    name = "images" if of_images else "vectors"
    events = signatures.images(flow.event_shape) if of_images else signatures.vectors(flow.latent_size)
    latents = signatures.latents(flow.latent_size)
    labels = signatures.labels(flow.num_classes)

    def decode(latents, labels=None, cause="latents"):
        events = flow._decode(latents, labels)
        return {name: (served if of_images else served_finite)(events, cause)}

    def sample(seed, temperature, labels=None):
        latents = temperature[:, None] * seeds.normal(seed, (flow.latent_size,))
        return decode(latents, labels, cause="temperature")

    def bits_per_dim(events, seed, labels=None):
        noise = seeds.uniform(seed, flow.event_shape)
        noisy = flow._log_prob(dequantise(events, noise, flow.num_bits), labels)
        return {"bits_per_dim": flow.num_bits - noisy / (flow.latent_size * math.log(2))}

    def log_prob(events, labels=None):
        scores = {"log_prob": flow._log_prob(bin_centres(events, flow.num_bits), labels)}
        if of_images:
            scores |= bits_per_dim(events, tf.zeros([tf.shape(events)[0], 2], tf.int32), labels)
        return scores

    def encode(events, labels=None):
        return {"latents": flow._encode(events, labels)}

    def reconstruct(events, labels=None):
        restored = flow._decode(flow._encode(events, labels), labels)
        is_restored = tf.reduce_all(flow._error(events, restored) <= 1)
        message = f"{name} are not restored by float32 arithmetic, expected ones like those of the training"
        with tf.control_dependencies([tf.debugging.Assert(is_restored, [message])]):
            return {name: to_uint8(restored) if of_images else tf.identity(restored)}

    seed, temperature = {"seed": signatures.seeds()}, {"temperature": signatures.temperatures()}
    noisy = [Signature("bits_per_dim", {name: events, **seed, **labels}, bits_per_dim)] if of_images else []
    return [
        Signature("sample", {**seed, **temperature, **labels}, sample),
        Signature("log_prob", {name: events, **labels}, log_prob),
        *noisy,
        Signature("encode", {name: events, **labels}, encode),
        Signature("decode", {"latents": latents, **labels}, decode),
        Signature("reconstruct", {name: events, **labels}, reconstruct),
    ]
