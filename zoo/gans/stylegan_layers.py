"""Layers of the first StyleGAN (Karras et al. 2019): dense layers, convolutions, noise, AdaIN."""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from ..networks.part import Part
from .convolution import conv2d
from .layers import add_bias, leaky_relu

# He's gain for leaky ReLU. It scales the weights only; in StyleGAN2 it scales the biases too.
GAIN = math.sqrt(2)

EPSILON = 1e-8


@keras.saving.register_keras_serializable(package="latentzoo")
class HeDense(Part):
    """y = leaky ReLU(sqrt(2 / size_in) m x W + m b), with learning rate multiplier m.

    Args:
      size_in, units: sizes of `x [N, size_in]` and `y [N, units]`.
      draw: generator of the seed of W ~ N(0, 1) / m.
      lr_multiplier: m.
    """

    def __init__(
        self,
        size_in: int,
        units: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        lr_multiplier: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size_in, self.units, self.lr_multiplier = size_in, units, lr_multiplier
        normal = keras.initializers.RandomNormal(stddev=1 / lr_multiplier, seed=draw)
        self.weight = self.add_weight(shape=(size_in, units), initializer=normal, name="weight")
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns `y [N, units]` in the dtype of `x`."""
        weight = self.weight * (GAIN * self.lr_multiplier / math.sqrt(self.weight.shape[0]))
        y = tf.matmul(x, tf.cast(weight, x.dtype))
        return leaky_relu(add_bias(y, self.bias * self.lr_multiplier))


@keras.saving.register_keras_serializable(package="latentzoo")
class HeConv2D(Part):
    """y = leaky ReLU(conv(x, sqrt(2 / (k^2 C_in)) W) + b).

    Args:
      channels_in, channels_out, kernel_size: C_in, C_out and k.
      draw: generator of the seed of W ~ N(0, 1).
      convolve: function of images and kernel, such as `convolution.conv2d`.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        convolve: Callable = conv2d,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.kernel_size = channels_in, channels_out, kernel_size
        self.convolve = convolve
        shape = (kernel_size, kernel_size, channels_in, channels_out)
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
        self.weight = self.add_weight(shape=shape, initializer=normal, name="weight")
        self.bias = self.add_weight(shape=(channels_out,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns y in the dtype of `x`."""
        y = self.convolve(x, tf.cast(he_scaled(self.weight), x.dtype))
        return leaky_relu(add_bias(y, tf.convert_to_tensor(self.bias)))


def he_scaled(kernel: tf.Tensor) -> tf.Tensor:
    """Multiplies a kernel `[k, k, C_in, C_out]` by sqrt(2 / (k^2 C_in))."""
    return kernel * (GAIN / math.sqrt(math.prod(kernel.shape[:3])))


def adain(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Adaptive instance normalization: sets mean and deviation of each channel of each image.

        y = (1 + scale) (x - mean(x)) / sqrt(mean (x - mean(x))^2 + 1e-8) + shift                      (eq. 1)

    Args:
      x: `[N or 1, H, W, C]`; the statistics are computed in the dtype of `scale`.
      scale, shift: `[N, C]`, of the style.
    """
    centered = tf.cast(x, scale.dtype)
    centered -= tf.reduce_mean(centered, axis=[1, 2], keepdims=True)
    variance = tf.reduce_mean(centered**2, axis=[1, 2], keepdims=True)
    factor = (1 + scale[:, None, None]) * tf.math.rsqrt(variance + EPSILON)
    return tf.cast(centered * factor + shift[:, None, None], x.dtype)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANNoise")
class Noise(Part):
    """x + B noise, with a strength B for each channel ("B" in figure 1)."""

    def __init__(self, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.weight = self.add_weight(shape=(channels,), initializer="zeros", name="weight")
        self.built = True

    def call(self, x: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Returns x, `[N or 1, R, R, C]`, plus noise, `[N, R, R, 1]` or `[R, R, 1]`."""
        strengths = tf.convert_to_tensor(self.weight)
        return x + tf.cast(strengths * tf.cast(noise, strengths.dtype), x.dtype)
