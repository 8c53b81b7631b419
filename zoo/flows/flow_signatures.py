"""Serving signatures of exported flows."""

from typing import Protocol

import tensorflow as tf

from .. import common_signatures, seeds, signatures
from ..signatures import Signature


class ServedFlow(common_signatures.Coder, Protocol):
    """What the signatures need of a flow."""

    @property
    def event_shape(self) -> tuple[int, ...]: ...
    @property
    def has_images(self) -> bool: ...
    def _draw(
        self, row_seeds: tf.Tensor, temperature: tf.Tensor, condition: tf.Tensor | None, /
    ) -> tf.Tensor: ...
    def _log_prob(self, events: tf.Tensor, condition: tf.Tensor | None, /) -> tf.Tensor: ...


def flow_signatures(flow: ServedFlow) -> list[Signature]:
    """Returns sample, log_prob, encode, decode, reconstruct and, for images, bits_per_dim; the default first.

    Events are `images` (uint8), or `vectors` for a flow on vectors; a conditional flow takes `labels`, or
    the image `condition`. The dequantization noise of `bits_per_dim` is drawn from each row's `seed`.
    `log_prob` of images also returns bits_per_dim, with noise from the seed (0, 0) in every row. The
    signatures share three compiled functions of the flow, since its graph is large.
    """
    events = common_signatures.events(flow)
    bits = signatures.score("bits_per_dim") if flow.has_images else {}

    def sample(seed, temperature, condition=None):
        drawn = flow._draw(seed, temperature[:, None], condition)
        return common_signatures.served_events(flow, drawn, "temperature")

    def bits_per_dim(images, seed, condition=None):
        x = flow.events.dequantize(images, seeds.uniform(seed, flow.event_shape))
        return {"bits_per_dim": flow.events.loss(-flow._log_prob(x, condition))}

    def log_prob(events, condition=None):
        scores = {"log_prob": flow._log_prob(flow.events.dequantize(events), condition)}
        if flow.has_images:
            scores |= bits_per_dim(events, tf.zeros([tf.shape(events)[0], 2], tf.int32), condition)
        return scores

    def reconstruct(events, condition=None):
        name, restored = flow.events.name, flow._decode(flow._encode(events, condition), condition)
        is_restored = tf.reduce_all(flow.events.reconstruction_error(events, restored) <= 1)
        message = f"{name} are not restored by float32 arithmetic, expected ones like those of the training"
        with tf.control_dependencies([tf.debugging.Assert(is_restored, [message])]):
            return {name: flow.events.served(restored)}

    of_events = common_signatures.of_events
    return [
        common_signatures.sample(flow, sample, signatures.temperatures()),
        of_events(flow, "log_prob", log_prob, {**signatures.score("log_prob"), **bits}),
        *([of_events(flow, "bits_per_dim", bits_per_dim, bits, seed=True)] if flow.has_images else []),
        common_signatures.encode(flow),
        common_signatures.decode(flow),
        of_events(flow, "reconstruct", reconstruct, events),
    ]
