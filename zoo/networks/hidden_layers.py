"""Layers of networks that are built at once, so that their weights exist immediately."""

import keras

from .layers import Conv2D, Dense

Draw = keras.random.SeedGenerator
DType = str | keras.DTypePolicy | None


def dense(size_in: int, units: int, draw: Draw | None, dtype: DType, use_bias: bool = True) -> Dense:
    """Returns a built dense layer (on images, a 1x1 convolution).

    `draw` seeds He's initialization; None: the weights are initialized to zero.
    """
    layer = Dense(units, use_bias=use_bias, kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, size_in))
    return layer


def conv(width: int, draw: Draw | None, dtype: DType) -> Conv2D:
    """Returns a built 3x3 convolution from `width` channels to `width` channels."""
    layer = Conv2D(width, 3, padding="same", kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, None, None, width))
    return layer


def class_embedding(layer: keras.layers.Layer, num_classes: int, width: int) -> keras.Variable | None:
    """Returns a new weight `[num_classes, width]` initialized to zero, or None without classes."""
    if not num_classes:
        return None
    return layer.add_weight(shape=(num_classes, width), initializer="zeros", autocast=False, name="embedding")


def context_layer(layer: keras.layers.Layer, context_size: int, width: int, draw: Draw) -> Dense | None:
    """Returns a built layer that maps a context to the first hidden layer, or None without a context."""
    if not context_size:
        return None
    return dense(context_size, width, draw, layer.dtype_policy, use_bias=False)


def _initializer(draw: Draw | None) -> str | keras.initializers.Initializer:
    return "zeros" if draw is None else keras.initializers.HeNormal(draw)
