"""The level of detail `lod` of growing networks: the number of remaining doublings of their resolution.

`lod` is 0 at the full resolution, and fractional while the next resolution fades in.
"""

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf


def add_lod(network: keras.layers.Layer, doublings: int) -> keras.Variable | None:
    """Adds the weight `lod`, initialized to the number of doublings; returns None if that is 0."""
    if not doublings:
        return None
    start = keras.initializers.Constant(doublings)
    return network.add_weight(shape=(), initializer=start, trainable=False, name="lod")


def lod_name(layer: str, resolution: int, size: int) -> str:
    """Returns the official name of a layer at a size, such as "ToRGB_lod2" at a quarter of the resolution."""
    return f"{layer}_lod{int(math.log2(resolution // size))}"


def lerp(a: tf.Tensor, b: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Interpolates linearly from a at t <= 0 to b at t >= 1."""
    return a + (b - a) * tf.cast(tf.clip_by_value(t, 0, 1), a.dtype)


def only_if(
    condition: tf.Tensor, function: Callable[[], Sequence[tf.Tensor]], shapes: Sequence, dtypes: Sequence
) -> Sequence[tf.Tensor]:
    """Returns `function()` if the condition holds; otherwise zeros of `shapes`, without calling it."""

    def zeros():
        return [tf.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]

    return tf.cond(condition, function, zeros)
