"""3x3 convolutions from and to few channels, as matrix products over the neighbours of each pixel.

Libraries pad convolutions from or to few channels to 16 or 32 on a processor, which costs more than the rest
of Glow's network. Here hidden layers are matrices `[N * H * W, width]`, and the two convolutions are matrix
products between them and the 9 neighbours of each pixel.
"""

import numpy as np
import tensorflow as tf


@tf.custom_gradient
def dense_relu(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """relu(x W + b) of `[M, C]`, its gradient by b a matrix product: three times as fast as TensorFlow's."""
    y = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, kernel), bias))

    def gradient(dy):
        dh = tf.raw_ops.ReluGrad(gradients=dy, features=y)
        dx = tf.matmul(dh, kernel, transpose_b=True)
        dkernel = tf.matmul(x, dh, transpose_a=True)
        dbias = tf.matmul(tf.ones([1, tf.shape(dh)[0]], dh.dtype), dh)
        return dx, dkernel, dbias[0]

    return y, gradient


def gather_neighbours(x: tf.Tensor) -> tf.Tensor:
    """Images `[N, H, W, C]` -> `[N * H * W, 9 * C]`: each pixel's 3x3 neighbourhood, zero outside.

    Times a kernel `[3, 3, C, width]` reshaped to `[9 * C, width]`, this is a 3x3 SAME convolution.
    """
    return _gather(x, _neighbours(*x.shape[1:3]))


def spread_to_neighbours(h: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """`[N * H * W, 9 * C]` -> images `[N, H, W, C]`: the sum of what its neighbours give to each pixel.

    After a product with a kernel `[3, 3, width, C]` laid out as `[width, 9 * C]`, this is a 3x3 SAME
    convolution.

    Args:
      size: (H, W).
    """
    return _spread(h, size, _neighbours(*size))


# Each is the other's gradient, with the neighbours across: that of tf.gather is a scatter, which is slow.


def _gather(x, neighbours):
    height, width, channels = x.shape[1:]

    @tf.custom_gradient
    def gather(x):
        pixels = _and_zero(tf.reshape(x, [-1, height * width, channels]))
        gathered = tf.reshape(tf.gather(pixels, neighbours.reshape(-1), axis=1), [-1, 9 * channels])
        return gathered, lambda dy: _spread(dy, (height, width), neighbours[:, ::-1])

    return gather(x)


def _spread(h, size, neighbours):
    (height, width), channels = size, h.shape[-1] // 9
    outside = height * width
    # Of each neighbour, the ninth that is meant for this pixel.
    parts = np.where(neighbours < outside, 9 * neighbours + np.arange(9), 9 * outside)

    @tf.custom_gradient
    def spread(h):
        given = _and_zero(tf.reshape(h, [-1, 9 * outside, channels]))
        taken = tf.reshape(tf.gather(given, parts.reshape(-1), axis=1), [-1, height, width, 9, channels])
        return tf.reduce_sum(taken, axis=3), lambda dy: _gather(dy, neighbours[:, ::-1])

    return spread(h)


def _neighbours(height, width):
    """int `[H * W, 9]`: the numbers of the pixels around each one, row by row; H * W stands for outside."""
    numbers = np.arange(height * width, dtype=np.int32).reshape(height, width)
    numbers = np.pad(numbers, 1, constant_values=height * width)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, (3, 3))
    return windows.reshape(-1, 9)


def _and_zero(rows):
    """`[N, M, C]` -> `[N, M + 1, C]`, zeros last."""
    return tf.pad(rows, [[0, 0], [0, 1], [0, 0]])
