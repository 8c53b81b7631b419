"""Resampling of the first StyleGAN: nearest neighbor or box filter, plus a blur (Karras et al. 2019, C).

Images are `[N, H, W, C]`, with static H, W and C; kernels are `[3, 3, C_in, C_out]`.
"""

import keras
import numpy as np
import tensorflow as tf

FILTER = np.array([1, 2, 1]) / 4


def upscale2d(x: tf.Tensor, factor: int = 2) -> tf.Tensor:
    """Repeats each pixel `factor` times along both axes."""
    height, width, channels = x.shape[1:]
    x = tf.tile(x[:, :, None, :, None], [1, 1, factor, 1, factor, 1])
    return tf.reshape(x, [-1, height * factor, width * factor, channels])


def downscale2d(x: tf.Tensor, factor: int = 2) -> tf.Tensor:
    """Averages blocks of `factor` by `factor` pixels."""
    height, width, channels = x.shape[1:]
    x = tf.reshape(x, [-1, height // factor, factor, width // factor, factor, channels])
    return tf.reduce_mean(x, axis=[2, 4])


def blur(x: tf.Tensor) -> tf.Tensor:
    """Filters with [1, 2, 1] / 4 along each axis, with zero padding.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.box_resampling import blur
    >>> blur(tf.ones([1, 4, 4, 1]))[0, 1, :, 0].numpy().tolist()
    [0.75, 1.0, 1.0, 0.75]
    """
    kernel = tf.constant(np.outer(FILTER, FILTER)[:, :, None, None], x.dtype)
    kernel = tf.tile(kernel, [1, 1, x.shape[-1], 1])
    return tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME")


@keras.saving.register_keras_serializable(package="latentzoo", name="box_conv2d_up")
def conv2d_up(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Doubles the size: repeated pixels, convolution, blur."""
    # The first two are merged into one transposed convolution, which is faster; it flips the kernel.
    kernel = tf.transpose(_with_box(kernel[::-1, ::-1]), [0, 1, 3, 2])
    height, width = x.shape[1:3]
    shape = [tf.shape(x)[0], 2 * height, 2 * width, kernel.shape[2]]
    return blur(tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME"))


@keras.saving.register_keras_serializable(package="latentzoo", name="box_conv2d_down")
def conv2d_down(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Halves the size: blur, convolution, means of 2x2 pixels."""
    return tf.nn.conv2d(blur(x), _with_box(kernel) / 4, 2, "SAME")


def _with_box(kernel):
    """The kernel convolved with a 2x2 box of ones: `[4, 4, C_in, C_out]`."""
    padded = tf.pad(kernel, [[1, 1], [1, 1], [0, 0], [0, 0]])
    return padded[1:, 1:] + padded[1:, :-1] + padded[:-1, 1:] + padded[:-1, :-1]
