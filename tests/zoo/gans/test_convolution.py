"""Resampling convolutions against their definition, step by step in float64."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from latentzoo.zoo.gans.convolution import conv2d, conv2d_down, conv2d_up
from latentzoo.zoo.gans.resampling import FILTER

SIZES = [(4, 4), (6, 8)]


def operands(size, kernel_size):
    rng = np.random.default_rng(0)
    return rng.standard_normal([2, *size, 3]), rng.standard_normal([kernel_size, kernel_size, 3, 5])


def correlate(x, kernel):
    """VALID, by scipy: `[N, H, W, C_in]`, `[k, k, C_in, C_out]`."""
    pairs = [
        [
            sum(
                scipy.signal.correlate2d(image[:, :, i], kernel[:, :, i, o], "valid")
                for i in range(kernel.shape[2])
            )
            for o in range(kernel.shape[3])
        ]
        for image in x
    ]
    return np.transpose(np.array(pairs), [0, 2, 3, 1])


def filtered(x, gain=1.0):
    """Each channel, VALID."""
    channels = np.eye(x.shape[3])
    return correlate(x, gain * np.outer(FILTER, FILTER)[:, :, None, None] * channels)


def pad(x, before, after):
    return np.pad(x, [(0, 0), (before, after), (before, after), (0, 0)])


def zeros_between(x):
    y = np.zeros([x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]])
    y[:, ::2, ::2] = x
    return y


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_a_plain_convolution(size, kernel_size):
    x, kernel = operands(size, kernel_size)
    expected = correlate(pad(x, kernel_size // 2, kernel_size // 2), kernel)
    np.testing.assert_allclose(conv2d(tf.constant(x), tf.constant(kernel)), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_upwards(size, kernel_size):
    x, kernel = operands(size, kernel_size)
    y = conv2d_up(tf.constant(x), tf.constant(kernel))
    # The filter is first on the zero-stuffed grid, as the order does not matter, then a true convolution.
    half = kernel_size // 2
    smooth = filtered(pad(zeros_between(x), 2 + half, 1 + half), gain=4.0)
    expected = correlate(smooth, kernel[::-1, ::-1])
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_downwards(size, kernel_size):
    x, kernel = operands(size, kernel_size)
    y = conv2d_down(tf.constant(x), tf.constant(kernel))
    half = kernel_size // 2
    expected = correlate(filtered(pad(x, 1 + half, 1 + half)), kernel)[:, ::2, ::2]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)
