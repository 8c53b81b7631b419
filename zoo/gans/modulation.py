"""Styled convolutions: StyleGAN2's weight modulation and demodulation (section 2.2).

The style scales the channels of the input, the demodulation those of the output, so that all images of a
batch share one kernel. A grouped convolution with a kernel for each image gives the same result.
"""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from ..networks.part import Part
from .convolution import conv2d, conv2d_up
from .layers import ACTIVATION_GAIN, EqualizedDense, add_bias, clip, leaky_relu


def modulated_conv2d(
    x: tf.Tensor, kernel: tf.Tensor, style: tf.Tensor, convolve: Callable = conv2d, gain: float = 1.0
) -> tf.Tensor:
    """A convolution whose kernel depends on the image (equations 1 and 3 of the paper).

        w'[k, i, o] = style[i] w[k, i, o];  w''[k, i, o] = w'[k, i, o] / sqrt(sum_ki w'[k, i, o]^2 + 1e-8)

    Args:
      x: `[N, H, W, C_in]`, or one image `[1, H, W, C_in]` for all styles.
      kernel: `[k, k, C_in, C_out]`.
      style: `[N, C_in]`.
      convolve: a function of `convolution`.
      gain: factor of the output.

    Returns:
      `[N, H, W, C_out]`, or of the size that `convolve` gives.
    """
    y = convolve(x * _of_channels(style, x.dtype), tf.cast(kernel, x.dtype))
    squares = tf.matmul(style**2, tf.reduce_sum(tf.square(kernel), axis=[0, 1]))
    return y * _of_channels(gain * tf.math.rsqrt(squares + 1e-8), x.dtype)


def _of_channels(values, dtype):
    return tf.cast(values, dtype)[:, None, None, :]


@keras.saving.register_keras_serializable(package="latentzoo")
class StyledConv2D(Part):
    """sqrt(2) * leaky ReLU(modulated 3x3 convolution + strength * noise + bias), with a style affine in w.

    Args:
      channels_in, channels_out: channels of the convolution.
      w_dim: dimension of w.
      resolution: size R of the output.
      draw: generator of the seeds of the initial weights.
      up: whether the output is twice as large as the input.
      clamp: clips the output to [-clamp, clamp] times the gain of the call; None disables clipping.

    Attributes:
      noise_const: stored noise `[R, R]`.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        w_dim: int,
        resolution: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        up: bool = False,
        clamp: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.w_dim = channels_in, channels_out, w_dim
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.convolve = conv2d_up if up else conv2d
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
        shape = (3, 3, channels_in, channels_out)
        self.weight = self.add_weight(shape=shape, initializer=normal, autocast=False, name="weight")
        self.bias = self.add_weight(shape=(channels_out,), initializer="zeros", autocast=False, name="bias")
        self.noise_strength = self.add_weight(
            shape=(), initializer="zeros", autocast=False, name="noise_strength"
        )
        self.noise_const = self.add_weight(
            shape=(resolution, resolution),
            initializer=normal,
            trainable=False,
            autocast=False,
            name="noise_const",
        )
        with keras.name_scope(self.name):
            self.affine = _style(w_dim, channels_in, draw, self.dtype_policy)
        self.built = True

    def call(
        self, x: tf.Tensor, w: tf.Tensor, noise: tf.Tensor | None = None, gain: float = 1.0
    ) -> tf.Tensor:
        """Returns activations `[N, R, R, C_out]`.

        Args:
          x: `[N or 1, r, r, C_in]`.
          w: `[N, w_dim]`.
          noise: `[N, R, R, 1]`, `[R, R, 1]` or None.
          gain: factor of the output.
        """
        # leaky ReLU is positively homogeneous: scaling the weights is cheaper than scaling the images.
        factor = gain * ACTIVATION_GAIN
        y = modulated_conv2d(x, tf.convert_to_tensor(self.weight), self.affine(w), self.convolve, factor)
        bias = factor * tf.convert_to_tensor(self.bias)
        if noise is None:
            y = add_bias(y, bias)
        else:
            strength = factor * tf.convert_to_tensor(self.noise_strength)
            y += tf.cast(strength * tf.cast(noise, strength.dtype) + bias, y.dtype)
        return clip(leaky_relu(y), self.clamp, gain)


@keras.saving.register_keras_serializable(package="latentzoo")
class ToRGB(Part):
    """Maps activations to images: a styled 1x1 convolution without demodulation, plus a bias.

    Args:
      channels_in, channels_out: channels of the convolution.
      w_dim: dimension of w.
      draw: generator of the seeds of the initial weights.
      clamp: clips the output to [-clamp, clamp]; None disables clipping.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        w_dim: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        clamp: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.w_dim, self.clamp = channels_in, channels_out, w_dim, clamp
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
        shape = (1, 1, channels_in, channels_out)
        self.weight = self.add_weight(shape=shape, initializer=normal, autocast=False, name="weight")
        self.bias = self.add_weight(shape=(channels_out,), initializer="zeros", autocast=False, name="bias")
        with keras.name_scope(self.name):
            self.affine = _style(w_dim, channels_in, draw, self.dtype_policy)
        self.built = True

    def call(self, x: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
        """Returns images `[N, R, R, C_out]` of `x [N, R, R, C_in]` and `w [N, w_dim]`."""
        height, width, channels_in = x.shape[1:]
        # With so few output channels, a kernel for each image is cheaper than scaling its activations.
        kernels = self.affine(w)[:, :, None] * self.weight[0, 0] / math.sqrt(channels_in)
        y = tf.matmul(tf.reshape(x, [-1, height * width, channels_in]), tf.cast(kernels, x.dtype))
        y = add_bias(y, tf.convert_to_tensor(self.bias))
        return clip(tf.reshape(y, [-1, height, width, self.weight.shape[-1]]), self.clamp)


def _style(w_dim, channels, draw, dtype):
    return EqualizedDense(w_dim, channels, draw, bias_init=1.0, dtype=dtype, name="affine")
