"""The signatures of an exported flow."""

import math

import tensorflow as tf

from .. import common_signatures, seeds, signatures
from ..images import bin_centres, dequantise, to_uint8
from ..signatures import Signature


def flow_signatures(flow: common_signatures.Model) -> list[Signature]:
    """sample, log_prob, encode, decode and reconstruct, and bits_per_dim of images, the main one first.

    Events are `images`, uint8, or the `vectors` of a flow on vectors; a conditional flow takes `labels`.
    The dequantisation noise of `bits_per_dim` is drawn from each row's `seed`. `log_prob` of images gives
    it too, with noise of the seed (0, 0) in every row. The signatures share three compiled functions of the
    flow, since its graph is large.
    """
    events = common_signatures.events(flow)
    (name,) = events
    of_images = name == "images"
    bits = signatures.score("bits_per_dim") if of_images else {}

    def sample(seed, temperature, labels=None):
        latents = temperature[:, None] * seeds.normal(seed, (flow.latent_size,))
        return common_signatures.served_events(flow, flow._decode(latents, labels), "temperature")

    def bits_per_dim(events, seed, labels=None):
        noise = seeds.uniform(seed, flow.event_shape)
        noisy = flow._log_prob(dequantise(events, noise, flow.num_bits), labels)
        return {"bits_per_dim": flow.num_bits - noisy / (flow.latent_size * math.log(2))}

    def log_prob(events, labels=None):
        scores = {"log_prob": flow._log_prob(bin_centres(events, flow.num_bits), labels)}
        if of_images:
            scores |= bits_per_dim(events, tf.zeros([tf.shape(events)[0], 2], tf.int32), labels)
        return scores

    def reconstruct(events, labels=None):
        restored = flow._decode(flow._encode(events, labels), labels)
        is_restored = tf.reduce_all(flow._error(events, restored) <= 1)
        message = f"{name} are not restored by float32 arithmetic, expected ones like those of the training"
        with tf.control_dependencies([tf.debugging.Assert(is_restored, [message])]):
            return {name: to_uint8(restored) if of_images else tf.identity(restored)}

    of_events = common_signatures.of_events
    return [
        common_signatures.sample(flow, sample, signatures.temperatures()),
        of_events(flow, "log_prob", log_prob, {**signatures.score("log_prob"), **bits}),
        *([of_events(flow, "bits_per_dim", bits_per_dim, bits, seed=True)] if of_images else []),
        common_signatures.encode(flow),
        common_signatures.decode(flow),
        of_events(flow, "reconstruct", reconstruct, events),
    ]
