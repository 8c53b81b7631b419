"""Layers with an equalized learning rate (Karras et al. 2018, section 4.1), and operations between them.

Weights are initialized from N(0, 1) and scaled at run time, so that Adam updates all of them at the same
relative rate. Layers compute in the dtype of their input; Keras does not autocast their weights.
"""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from ..networks.layers import add_bias
from ..networks.part import Part
from .convolution import conv2d

SLOPE = 0.2

# Preserves the variance of activations, which leaky ReLU roughly halves.
ACTIVATION_GAIN = math.sqrt(2)


@keras.saving.register_keras_serializable(package="latentzoo")
class EqualizedDense(Part):
    """y = x W m / sqrt(size_in) + m b, or sqrt(2) * leaky ReLU of it, with learning rate multiplier m.

    Args:
      size_in, units: sizes of `x [N, size_in]` and `y [N, units]`.
      draw: generator of the seed of W ~ N(0, 1) / m.
      activate: whether leaky ReLU is applied.
      bias_init: initial value of b.
      lr_multiplier: m.
    """

    def __init__(
        self,
        size_in: int,
        units: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        activate: bool = False,
        bias_init: float = 0.0,
        lr_multiplier: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size_in, self.units = size_in, units
        self.activate, self.bias_init, self.lr_multiplier = activate, bias_init, lr_multiplier
        normal = keras.initializers.RandomNormal(stddev=1 / lr_multiplier, seed=draw)
        constant = keras.initializers.Constant(bias_init)
        self.weight = self.add_weight(
            shape=(size_in, units), initializer=normal, autocast=False, name="weight"
        )
        self.bias = self.add_weight(shape=(units,), initializer=constant, autocast=False, name="bias")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns `y [N, units]` in the dtype of `x`."""
        gain = self.lr_multiplier * (ACTIVATION_GAIN if self.activate else 1.0)
        weight = tf.cast(self.weight, x.dtype) * (gain / math.sqrt(self.weight.shape[0]))
        y = tf.matmul(x, weight) + tf.cast(self.bias, x.dtype) * gain
        return leaky_relu(y) if self.activate else y


@keras.saving.register_keras_serializable(package="latentzoo")
class EqualizedConv2D(Part):
    """y = conv(x, W / sqrt(k^2 C_in)) + b, or sqrt(2) * leaky ReLU of it.

    Args:
      channels_in, channels_out, kernel_size: C_in, C_out and k.
      draw: generator of the seed of W ~ N(0, 1).
      convolve: a function of `convolution`.
      activate: whether leaky ReLU is applied.
      use_bias: whether to add b.
      clamp: clips the output to [-clamp, clamp] times the gain of the call; None disables clipping.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        convolve: Callable = conv2d,
        activate: bool = True,
        use_bias: bool = True,
        clamp: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.kernel_size = channels_in, channels_out, kernel_size
        self.convolve, self.activate = convolve, activate
        self.use_bias, self.clamp = use_bias, clamp
        shape = (kernel_size, kernel_size, channels_in, channels_out)
        self.fan_in = kernel_size**2 * channels_in
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
        self.weight = self.add_weight(shape=shape, initializer=normal, autocast=False, name="weight")
        self.bias = None
        if use_bias:
            self.bias = self.add_weight(
                shape=(channels_out,), initializer="zeros", autocast=False, name="bias"
            )
        self.built = True

    def call(self, x: tf.Tensor, gain: float = 1.0) -> tf.Tensor:
        """Returns `gain` times y."""
        # leaky ReLU is positively homogeneous: scaling the weights is cheaper than scaling the images.
        factor = gain * (ACTIVATION_GAIN if self.activate else 1.0)
        y = self.convolve(x, tf.cast(self.weight * (factor / math.sqrt(self.fan_in)), x.dtype))
        if self.bias is not None:
            y = add_bias(y, self.bias * factor)
        if self.activate:
            y = leaky_relu(y)
        return clip(y, self.clamp, gain)


def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """Returns max(x, 0.2 x)."""
    return tf.nn.leaky_relu(x, SLOPE)


def clip(x: tf.Tensor, clamp: float | None, gain: float = 1.0) -> tf.Tensor:
    """Clips `x` to [-clamp, clamp] * gain; returns `x` if clamp is None."""
    return x if clamp is None else tf.clip_by_value(x, -clamp * gain, clamp * gain)


def minibatch_stddev(x: tf.Tensor, group: int, channels: int = 1) -> tf.Tensor:
    """Appends the standard deviation within groups of images as channels (Karras et al. 2018, section 3).

    Of N images, image i is in group i mod (N / group). The deviations of a group are averaged over the pixels
    and over each of `channels` equal blocks of channels, and repeated at every pixel.

    Args:
      x: `[N, H, W, C]`, C a multiple of `channels`.
      group: images per group; if it does not divide N, the largest smaller divisor of N is used.
      channels: number of channels to append.

    Returns:
      `[N, H, W, C + channels]`.
    """
    height, width, size = x.shape[1:]
    group = _largest_divisor(x.shape[0] or tf.shape(x)[0], group)
    y = tf.reshape(x, [group, -1, height, width, channels, size // channels])
    variance = tf.math.reduce_variance(y, axis=0)
    deviation = tf.reduce_mean(tf.sqrt(variance + 1e-8), axis=[1, 2, 4])
    deviation = tf.tile(deviation[:, None, None], [group, height, width, 1])
    return tf.concat([x, deviation], axis=3)


def _largest_divisor(n, limit):
    """The largest divisor of `n` up to `limit`; `n` can be a tensor."""
    if isinstance(n, int):
        return max(size for size in range(1, limit + 1) if n % size == 0)
    sizes = tf.range(1, limit + 1)
    return tf.reduce_max(tf.where(n % sizes == 0, sizes, 1))
