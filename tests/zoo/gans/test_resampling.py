"""Resampling against scipy's filters, in float64."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from latentzoo.zoo.gans.resampling import FILTER, blur, downsample2d, upsample2d

SIZES = [(4, 4), (6, 10), (8, 2)]


def images(size, channels=3, seed=0):
    return np.random.default_rng(seed).standard_normal([2, *size, channels])


def upfirdn2d(x, taps, up, down, first, sizes):
    """Along rows and columns: `up - 1` zeros after each pixel, the filter, each `down`-th from `first` on."""
    for axis, size in zip((1, 2), sizes, strict=True):
        x = scipy.signal.upfirdn(taps, x, up=up, down=1, axis=axis)
        x = np.take(x, first + down * np.arange(size), axis=axis)
    return x


@pytest.mark.parametrize("size", [(4, 5), (7, 7)])
@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_blur_is_a_convolution_with_the_outer_product(size, padding):
    x = images(size)
    y = blur(tf.constant(x), padding, gain=3.0)
    kernel = 3 * np.outer(FILTER, FILTER)
    padded = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    for n, c in np.ndindex(2, 3):
        expected = scipy.signal.convolve2d(padded[n, :, :, c], kernel, "valid")
        np.testing.assert_allclose(y[n, :, :, c], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_upsampling_is_zeros_then_the_filter(size):
    x = images(size)
    expected = upfirdn2d(x, 2 * FILTER, 2, 1, first=1, sizes=[2 * n for n in size])
    np.testing.assert_allclose(upsample2d(tf.constant(x)), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_downsampling_is_the_filter_then_every_second_pixel(size):
    x = images(size)
    expected = upfirdn2d(x, FILTER, 1, 2, first=2, sizes=[n // 2 for n in size])
    np.testing.assert_allclose(downsample2d(tf.constant(x)), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_downsampling_is_the_transpose_of_upsampling(size):
    small = images(size)
    large = images([2 * n for n in size], seed=1)
    product = np.sum(upsample2d(tf.constant(small)) * large)
    # The gains are 4 and 1.
    np.testing.assert_allclose(product, 4 * np.sum(small * downsample2d(tf.constant(large))), rtol=1e-13)


@pytest.mark.parametrize("resample", [lambda x: blur(x, 2), lambda x: blur(x, 0), downsample2d, upsample2d])
def test_the_gradient_is_the_transpose_and_so_is_its_gradient(resample):
    x, v = tf.constant(images((6, 6))), tf.constant(images((6, 6), seed=1))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            half_square = tf.reduce_sum(resample(x) ** 2) / 2
        product = tf.reduce_sum(tape.gradient(half_square, x) * v)
    # The matrix A of the map: the gradient is A^T A x, the gradient of its product with v is A^T A v.
    np.testing.assert_allclose(product, np.sum(resample(x) * resample(v)), rtol=1e-13)
    second = outer.gradient(product, x)
    w = tf.constant(images((6, 6), seed=2))
    np.testing.assert_allclose(np.sum(second * w), np.sum(resample(v) * resample(w)), rtol=1e-12)
