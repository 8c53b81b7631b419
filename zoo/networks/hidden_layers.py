"""Layers that networks are made of, built, so that their weights exist at once."""

import keras

from .layers import Conv2D, Dense


def dense(size_in, units, draw, dtype, use_bias=True):
    """A built dense layer, a 1x1 convolution on images; `draw` seeds He's initialisation, None: zeros."""
    layer = Dense(units, use_bias=use_bias, kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, size_in))
    return layer


def conv(width, draw, dtype):
    """A built 3x3 convolution from `width` channels to as many."""
    layer = Conv2D(width, 3, padding="same", kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, None, None, width))
    return layer


def class_embedding(layer, num_classes, width):
    """A weight `[num_classes, width]` that starts at zero, or None without classes."""
    if not num_classes:
        return None
    return layer.add_weight(shape=(num_classes, width), initializer="zeros", autocast=False, name="embedding")


def context_layer(layer, context_size, width, draw):
    """A layer that adds vectors of `context_size` to the first hidden layer, or None without a context."""
    if not context_size:
        return None
    return dense(context_size, width, draw, layer.dtype_policy, use_bias=False)


def _initializer(draw):
    return "zeros" if draw is None else keras.initializers.HeNormal(draw)
