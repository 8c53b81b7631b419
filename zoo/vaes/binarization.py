"""Random binarization of grayscale images: gray values are probabilities of white."""

import numpy as np
import tensorflow as tf

from .. import seeds
from ..images import to_uint8

# A prime below 2^31, so that remainders fit into int32.
_PRIME = 2**31 - 1


def binarize(images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Returns 1 where `noise` is below the gray value, else 0, as float32.

    Args:
      images: uint8, where 255 is probability 1, or float32 probabilities.
      noise: uniform in [0, 1), of the images' shape.
    """
    gray = tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else images
    return tf.cast(noise < gray, tf.float32)


def binarize_once(images: tf.Tensor, seed: int) -> tf.Tensor:
    """Binarizes each image in a fixed way: the same in every batch.

    The noise of an image is drawn from `seed` and the image's own content. So a dataset is binarized once,
    as is usual for MNIST (Larochelle & Murray 2011), without storing it. Images that are already black and
    white do not change.

    Args:
      images: uint8 or float32 in [0, 1], `[N, H, W, C]`.
      seed: an integer.

    Returns:
      float32 `[N, H, W, C]`, 0 or 1.

    >>> import numpy as np
    >>> import tensorflow as tf
    >>> from latentzoo.zoo.vaes.binarization import binarize_once
    >>> gray = tf.constant(np.full([1, 100, 100, 1], 64, np.uint8))
    >>> round(float(tf.reduce_mean(binarize_once(gray, seed=0))), 2)  # 64 / 255
    0.25
    """
    shape = tuple(images.shape[1:])
    return binarize(images, seeds.uniform(_content_seeds(images, seed), shape))


def _content_seeds(images: tf.Tensor, seed: int) -> tf.Tensor:
    """int32 `[N, 2]`: remainders of two randomly weighted sums of each image's pixels."""
    pixels = images if images.dtype == tf.uint8 else to_uint8(images)
    size = int(np.prod(images.shape[1:]))
    # Small enough that the sums stay below 2^63.
    weights = np.random.default_rng(seed).integers(2**32, size=[size, 2])
    sums = tf.matmul(tf.cast(tf.reshape(pixels, [-1, size]), tf.int64), tf.constant(weights, tf.int64))
    return tf.cast(tf.math.floormod(sums + weights[0] % _PRIME, _PRIME), tf.int32)
