"""Small networks for couplings, and their random parameters."""

from collections.abc import Callable

import tensorflow as tf

Parameters = dict[str, tf.Tensor]


def normal(*shape: int, seed: int, stddev: float = 0.5) -> tf.Tensor:
    return tf.random.stateless_normal(shape, [seed, 2], stddev=stddev, dtype=tf.float64)


def network(p: Parameters) -> Callable[[tf.Tensor], tf.Tensor]:
    """A network of one hidden layer; on images its inputs include neighboring pixels."""

    def apply(x):
        neighbors = x if p["hidden"].shape[0] == x.shape[-1] else _beside(x)
        return tf.tensordot(tf.tanh(tf.tensordot(neighbors, p["hidden"], 1)), p["out"], 1) + p["bias"]

    return apply


def _beside(x):
    return tf.concat([x, tf.roll(x, 1, axis=-2), tf.roll(x, 1, axis=-3)], -1)


def network_parameters(event_shape, channels_in, channels_out, seed) -> Parameters:
    """The last layer is not zero, so that a coupling is far from its start."""
    seen = channels_in * (3 if len(event_shape) == 3 else 1)
    return {
        "hidden": normal(seen, 3, seed=seed),
        "out": normal(3, channels_out, seed=seed + 1),
        "bias": normal(channels_out, seed=seed + 2),
    }
