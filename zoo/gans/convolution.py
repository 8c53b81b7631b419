"""Convolutions that also resample, with a filter next to the kernel (StyleGAN2, appendix B).

Images are `[N, H, W, C]`, kernels `[k, k, C_in, C_out]` with k 1 or 3.
"""

import keras
import tensorflow as tf

from .resampling import blur, downsample2d, upsample2d


@keras.saving.register_keras_serializable(package="latentzoo")
def conv2d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolves with zero padding, keeping the size."""
    return tf.nn.conv2d(x, kernel, 1, "SAME")


@keras.saving.register_keras_serializable(package="latentzoo")
def conv2d_down(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Halves the size: filter, convolution, every second pixel."""
    if kernel.shape[0] == 1:
        return conv2d(downsample2d(x), kernel)
    return tf.nn.conv2d(blur(x, 2), kernel, 2, "VALID")


@keras.saving.register_keras_serializable(package="latentzoo")
def conv2d_up(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Doubles the size: zeros between pixels, convolution with the kernel rotated by 180 degrees, filter."""
    if kernel.shape[0] == 1:
        return upsample2d(conv2d(x, kernel))
    height, width = x.shape[1:3]
    shape = [tf.shape(x)[0], 2 * height + 1, 2 * width + 1, kernel.shape[3]]
    x = tf.nn.conv2d_transpose(x, tf.transpose(kernel, [0, 1, 3, 2]), shape, 2, "VALID")
    return blur(x, 1, gain=4.0)
