"""FIR resampling of images without aliasing (Zhang 2019; StyleGAN2, appendix B).

All functions use the filter [1, 3, 3, 1] / 8 along each axis. Images are `[N, H, W, C]` with static H, W and
C, and zero padding.
"""

import numpy as np
import tensorflow as tf

FILTER = np.array([1, 3, 3, 1]) / 8


def blur(x: tf.Tensor, padding: int, gain: float = 1.0) -> tf.Tensor:
    """Pads images with `padding` zeros on each side and filters them.

        y[i, j] = gain * sum_kl FILTER[k] FILTER[l] x[i + k - padding, j + l - padding]

    Args:
      x: `[N, H, W, C]`; the result has H + 2 * padding - 3 rows, and columns likewise.
      padding: 0 to 3.
      gain: gain of a constant image, away from its borders.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.resampling import blur
    >>> blur(tf.ones([1, 6, 6, 1]), 1)[0, :, 3, 0].numpy().tolist()
    [0.875, 1.0, 1.0, 1.0, 0.875]
    """

    @tf.custom_gradient
    def blurred(x):
        return _filter(x, padding, gain), lambda dy: blur(dy, 3 - padding, gain)

    return blurred(x)


def downsample2d(x: tf.Tensor) -> tf.Tensor:
    """Halves the size: filter, then every second pixel. H and W are even."""

    @tf.custom_gradient
    def downsampled(x):
        return _filter(x, 1, stride=2), lambda dy: upsample2d(dy) / 4

    return downsampled(x)


def upsample2d(x: tf.Tensor) -> tf.Tensor:
    """Doubles the size: zeros between pixels, then the filter with gain 4.

    Two of the four taps fall on zeros. So along each axis y[2i] = (x[i - 1] + 3 x[i]) / 4 and
    y[2i + 1] = (3 x[i] + x[i + 1]) / 4.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.resampling import upsample2d
    >>> upsample2d(tf.ones([1, 2, 2, 1]))[0, :, 1, 0].numpy().tolist()
    [0.75, 1.0, 1.0, 0.75]
    """

    @tf.custom_gradient
    def upsampled(x):
        rows, columns, channels = x.shape[1:]
        padded = tf.pad(x, [[0, 0], [1, 1], [0, 0], [0, 0]])
        y = tf.stack([_mix(x, padded[:, :-2]), _mix(x, padded[:, 2:])], axis=2)
        y = tf.reshape(y, [-1, 2 * rows, columns, channels])
        padded = tf.pad(y, [[0, 0], [0, 0], [1, 1], [0, 0]])
        y = tf.stack([_mix(y, padded[:, :, :-2]), _mix(y, padded[:, :, 2:])], axis=3)
        return tf.reshape(y, [-1, 2 * rows, 2 * columns, channels]), lambda dy: 4 * downsample2d(dy)

    return upsampled(x)


# The filter is symmetric, so the gradient of each function is another of them, up to a gain. TensorFlow's
# gradient of a depthwise convolution is ten times slower in bfloat16 on CPUs.


def _filter(x, padding, gain=1.0, stride=1):
    kernel = tf.constant(gain * np.outer(FILTER, FILTER)[:, :, None, None], x.dtype)
    kernel = tf.tile(kernel, [1, 1, x.shape[-1], 1])
    sides = [padding, padding]
    return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], [[0, 0], sides, sides, [0, 0]])


def _mix(near, far):
    return 0.75 * near + 0.25 * far
