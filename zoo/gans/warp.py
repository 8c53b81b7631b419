"""Affine maps of images without aliasing or blur, between upsampling and downsampling by a wavelet filter.

Each step is linear in the images, so gradients of any order are exact. The filters are matrices, and a
filtered image is A_y x A_x^T. On CPUs this is several times faster than depthwise convolutions, up to
256x256 pixels.
"""

import functools

import numpy as np
import tensorflow as tf

# The orthogonal lowpass filter of the wavelet "symlet 6" (Daubechies 1992).
SYMLET6 = np.array(
    [
        0.015404109327027373,
        0.0034907120842174702,
        -0.11799011114819057,
        -0.048311742585633,
        0.4910559419267466,
        0.787641141030194,
        0.3379294217276218,
        -0.07263752278646252,
        -0.021060292512300564,
        0.04472490177066578,
        0.0017677118642428036,
        -0.007800708325034148,
    ]
)
REACH = len(SYMLET6) // 4  # pixels that the filter reaches on each side of a pixel


def warp(images: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """Applies affine maps of the plane to images (Karras et al. 2020, ADA, appendix B).

    An image is padded by reflection as far as its map needs, at most by its size, and by zeros beyond; then
    upsampled by 2, sampled bilinearly, and downsampled.

    Args:
      images: floating `[N, H, W, C]`.
      inverse: `[N, 3, 3]`, homogeneous maps from points (x, y, 1) of the result to points of the image, in
        pixels from the center of the image, x to the right and y down.

    Returns:
      `[N, H, W, C]`.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.warp import warp
    >>> images = tf.random.stateless_uniform([1, 16, 16, 1], (0, 0))
    >>> same = warp(images, tf.eye(3)[tf.newaxis])
    >>> float(tf.reduce_max(abs(same - images))) < 1e-5  # the filters are orthogonal
    True
    """
    _, height, width, channels = images.shape
    inverse = tf.cast(inverse, images.dtype)
    before, after = _margins(inverse, height, width)
    rows = _upsampling(height, before[:, 1], after[:, 1], images.dtype)
    columns = _upsampling(width, before[:, 0], after[:, 0], images.dtype)
    upsampled = _filter(images, rows, columns)
    size = [2 * (height + 2 * REACH), 2 * (width + 2 * REACH)]
    # In pixels of the upsampled image, whose center is offset by half a pixel.
    shift, scale = _shift(-0.5), np.diag([2, 2, 1])
    inverse = _constant(shift @ scale, images) @ inverse @ _constant(np.linalg.inv(shift @ scale), images)
    sampled = _sample(upsampled, inverse, size)
    down = (_constant(_downsampling(n), images)[tf.newaxis] for n in (height, width))
    return tf.ensure_shape(_filter(sampled, *down), [None, height, width, channels])


def _margins(inverse, height, width):
    """The reflection padding of each image: (left, top) and (right, bottom), whole numbers `[N, 2]`."""
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    corners = np.array([[sx * center[0], sy * center[1], 1] for sx in (-1, 1) for sy in (-1, 1)])
    points = tf.einsum("nij,cj->nci", inverse[:, :2], _constant(corners, inverse))
    needed = tf.stack([tf.reduce_max(-points, axis=1), tf.reduce_max(points, axis=1)])
    needed = needed + _constant(2 * REACH - center, inverse)
    return tf.unstack(tf.math.ceil(tf.clip_by_value(needed, 0, _constant([width - 1, height - 1], inverse))))


def _upsampling(size, before, after, dtype):
    """The matrices `[N, 6 size - 2, size]` that pad by reflection, upsample, and add a border of zeros."""
    inner, left, right = (tf.cast(matrix, dtype) for matrix in _upsampling_parts(size))
    index = tf.range(size, dtype=dtype)
    is_left = tf.cast(index <= before[:, tf.newaxis], dtype)[:, tf.newaxis]
    is_right = tf.cast(size - 1 - index <= after[:, tf.newaxis], dtype)[:, tf.newaxis]
    row = tf.range(6 * size - 2, dtype=dtype) - 1
    start, stop = 2 * (size - 1 - before), 2 * (2 * size - 1 + after)
    is_inside = tf.cast((row >= start[:, tf.newaxis]) & (row < stop[:, tf.newaxis]), dtype)
    return (inner + left * is_left + right * is_right) * is_inside[:, :, tf.newaxis]


@functools.lru_cache
def _upsampling_parts(size):
    """The contributions of a pixel and of its left and right reflections to the upsampled image."""
    taps = 2 * SYMLET6 / SYMLET6.sum()
    padded = 3 * size - 2
    matrix = np.zeros([2 * padded + 2, padded])
    j = np.arange(padded)
    for tap, value in enumerate(taps):
        i = 2 * j + tap - 5
        is_there = (i >= 0) & (i < 2 * padded)
        matrix[i[is_there] + 1, j[is_there]] = value
    left, inner, right = np.zeros([3, 2 * padded + 2, size])
    inner[:] = matrix[:, size - 1 : 2 * size - 1]
    left[:, 1:] = matrix[:, : size - 1][:, ::-1]
    right[:, :-1] = matrix[:, 2 * size - 1 :][:, ::-1]
    return inner, left, right


@functools.lru_cache
def _downsampling(size):
    """The matrix `[size, 2 size + 4 REACH]` that downsamples and crops the reach of the filter."""
    taps = SYMLET6 / SYMLET6.sum()
    matrix = np.zeros([size, 2 * (size + 2 * REACH)])
    for i in range(size):
        matrix[i, 2 * i + 1 : 2 * i + 1 + len(taps)] = taps
    return matrix


def _filter(images, rows, columns):
    """rows @ images @ columns^T in each channel, with matrices `[N or 1, ., H]` and `[N or 1, ., W]`."""
    _, height, width, channels = images.shape
    new_height, new_width = rows.shape[1], columns.shape[1]
    if new_height > height:  # columns first: the intermediate image is smaller
        h = columns[:, tf.newaxis] @ images
        h = rows @ tf.reshape(h, [-1, height, new_width * channels])
        return tf.reshape(h, [-1, new_height, new_width, channels])
    h = rows @ tf.reshape(images, [-1, height, width * channels])
    return columns[:, tf.newaxis] @ tf.reshape(h, [-1, new_height, width, channels])


def _sample(framed, inverse, size):
    """Bilinear samples `[N, *size, C]` of images with a one-pixel border of zeros."""
    _, height, width, channels = framed.shape
    y, x = (_constant(np.arange(n) - (n - 1) / 2, framed) for n in size)
    x, y = tf.meshgrid(x, y)
    points = tf.stack([tf.reshape(x, [-1]), tf.reshape(y, [-1]), tf.ones([size[0] * size[1]], x.dtype)])
    points = inverse[:, :2] @ points
    x, y = points[:, 0] + (width - 1) / 2, points[:, 1] + (height - 1) / 2
    x, y = tf.clip_by_value(x, 0, width - 1), tf.clip_by_value(y, 0, height - 1)  # outside: the border
    left, top = tf.minimum(tf.floor(x), width - 2), tf.minimum(tf.floor(y), height - 2)
    fraction_x, fraction_y = (x - left)[..., tf.newaxis], (y - top)[..., tf.newaxis]
    index = tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    index = tf.range(tf.shape(framed)[0])[:, tf.newaxis] * (height * width) + index
    pixels = tf.reshape(framed, [-1, channels])
    corners = (tf.gather(pixels, index + offset) for offset in (0, 1, width, width + 1))
    top_left, top_right, bottom_left, bottom_right = corners
    upper = top_left + fraction_x * (top_right - top_left)
    lower = bottom_left + fraction_x * (bottom_right - bottom_left)
    return tf.reshape(upper + fraction_y * (lower - upper), [-1, *size, channels])


def _shift(offset):
    return np.array([[1, 0, offset], [0, 1, offset], [0, 0, 1]])


def _constant(values, like):
    return tf.constant(np.asarray(values), like.dtype)
