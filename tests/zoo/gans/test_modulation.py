"""Convolutions under a style against a kernel of its own for each image, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans.convolution import conv2d, conv2d_down, conv2d_up
from latentzoo.zoo.gans.modulation import StyledConv2D, ToRGB, modulated_conv2d

RNG = np.random.default_rng(0)
LAYER = {"draw": keras.random.SeedGenerator(0), "dtype": "float64"}


def demodulated(kernel, style):
    """Equations 1 and 3, for one image."""
    scaled = style[:, None] * kernel
    return scaled / np.sqrt((scaled**2).sum(axis=(0, 1, 2)) + 1e-8)


def lrelu(x):
    # TensorFlow keeps the slope in float32.
    return np.sqrt(2) * np.where(x > 0, x, np.float32(0.2) * x)


def style_of(layer, w):
    weight, bias = np.asarray(layer.affine.weight), np.asarray(layer.affine.bias)
    return w @ weight / np.sqrt(w.shape[1]) + bias


def shake(layer):
    for weight in layer.weights:
        weight.assign(RNG.standard_normal(weight.shape))
    return layer


@pytest.mark.parametrize("convolve", [conv2d, conv2d_up, conv2d_down])
@pytest.mark.parametrize("size", [1e-5, 1.0, 1e5])
def test_modulation_is_a_kernel_for_each_image(convolve, size):
    x, style = RNG.standard_normal([3, 4, 4, 5]), size * RNG.standard_normal([3, 5])
    kernel = RNG.standard_normal([3, 3, 5, 7])
    y = modulated_conv2d(tf.constant(x), tf.constant(kernel), tf.constant(style), convolve, 0.5)
    for n in range(3):
        expected = 0.5 * convolve(tf.constant(x[n : n + 1]), tf.constant(demodulated(kernel, style[n])))
        np.testing.assert_allclose(y[n], expected[0], rtol=0, atol=1e-13)


def test_modulation_is_the_grouped_convolution():
    x, style = RNG.standard_normal([3, 4, 4, 5]), RNG.standard_normal([3, 5])
    kernel = RNG.standard_normal([3, 3, 5, 7])
    kernels = np.concatenate([demodulated(kernel, s) for s in style], axis=3)
    side_by_side = np.concatenate(list(x), axis=2)[None]
    # TensorFlow on a processor has grouped convolutions in XLA alone.
    grouped = tf.function(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), jit_compile=True)
    expected = np.split(grouped(tf.constant(side_by_side), tf.constant(kernels))[0].numpy(), 3, axis=2)
    y = modulated_conv2d(tf.constant(x), tf.constant(kernel), tf.constant(style))
    np.testing.assert_allclose(y, np.stack(expected), rtol=0, atol=1e-13)


@pytest.mark.parametrize("noise_of", ["nothing", "layer", "image"])
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("clamp", [None, 0.8])
def test_a_styled_convolution_is_its_equation(noise_of, up, clamp):
    resolution = 8 if up else 4
    layer = shake(StyledConv2D(5, 7, 6, resolution, up=up, clamp=clamp, **LAYER))
    x, w = RNG.standard_normal([3, 4, 4, 5]), RNG.standard_normal([3, 6])
    noise = {
        "nothing": None,
        "layer": np.asarray(layer.noise_const)[:, :, None],
        "image": RNG.standard_normal([3, resolution, resolution, 1]),
    }[noise_of]
    y = layer(tf.constant(x), tf.constant(w), noise=noise, gain=0.7)
    for n, style in enumerate(style_of(layer, w)):
        kernel = tf.constant(demodulated(np.asarray(layer.weight), style))
        expected = (conv2d_up if up else conv2d)(tf.constant(x[n : n + 1]), kernel)[0].numpy()
        if noise is not None:
            expected += np.asarray(layer.noise_strength) * (noise[n] if noise_of == "image" else noise)
        expected = 0.7 * lrelu(expected + np.asarray(layer.bias))
        limit = np.inf if clamp is None else 0.7 * clamp
        np.testing.assert_allclose(y[n], np.clip(expected, -limit, limit), rtol=0, atol=1e-12)


def test_a_styled_convolution_starts_without_noise_and_with_styles_around_one():
    layer = StyledConv2D(5, 7, 6, 4, **LAYER)
    np.testing.assert_array_equal(layer.affine(tf.zeros([2, 6], tf.float64)), np.ones([2, 5]))
    x, w = tf.ones([2, 4, 4, 5], tf.float64), tf.ones([2, 6], tf.float64)
    np.testing.assert_array_equal(layer(x, w), layer(x, w, noise=layer.noise_const[:, :, None]))
    assert abs(np.std(layer.noise_const) - 1) < 0.5


@pytest.mark.parametrize("clamp", [None, 0.8])
def test_to_rgb_is_its_equation(clamp):
    layer = shake(ToRGB(5, 3, 6, clamp=clamp, **LAYER))
    x, w = RNG.standard_normal([3, 4, 4, 5]), RNG.standard_normal([3, 6])
    style = style_of(layer, w) / np.sqrt(5)
    expected = np.einsum("nhwi,ni,io->nhwo", x, style, layer.weight[0, 0]) + np.asarray(layer.bias)
    limit = np.inf if clamp is None else clamp
    expected = np.clip(expected, -limit, limit)
    np.testing.assert_allclose(layer(tf.constant(x), tf.constant(w)), expected, rtol=0, atol=1e-13)
