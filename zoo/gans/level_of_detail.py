"""The level of detail of networks that grow: how many doublings of their resolution are still to come.

`lod` is 0 at the end. Between two whole numbers the next resolution fades in.
"""

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf


def add_lod(network: keras.layers.Layer, doublings: int) -> keras.Variable | None:
    """The level of detail, which starts at the number of doublings; None if there are none."""
    if not doublings:
        return None
    start = keras.initializers.Constant(doublings)
    return network.add_weight(shape=(), initializer=start, trainable=False, name="lod")


def lod_name(layer: str, resolution: int, size: int) -> str:
    """The official name of a layer at a size, after the doublings from there to the resolution."""
    return f"{layer}_lod{int(math.log2(resolution // size))}"


def lerp(a: tf.Tensor, b: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """a where t <= 0, b where t >= 1, on the line between them elsewhere."""
    return a + (b - a) * tf.cast(tf.clip_by_value(t, 0, 1), a.dtype)


def only_if(
    condition: tf.Tensor, function: Callable[[], Sequence[tf.Tensor]], shapes: Sequence, dtypes: Sequence
) -> Sequence[tf.Tensor]:
    """`function()`, or zeros of `shapes` without the work."""

    def zeros():
        return [tf.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]

    return tf.cond(condition, function, zeros)
