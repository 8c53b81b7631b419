"""Layers with an equalized learning rate, and minibatch standard deviation, against their equations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans.layers import EqualizedConv2D, EqualizedDense, minibatch_stddev

RNG = np.random.default_rng(0)


def lrelu(x):
    # TensorFlow keeps the slope in float32.
    return np.sqrt(2) * np.where(x > 0, x, np.float32(0.2) * x)


@pytest.fixture
def draw():
    return keras.random.SeedGenerator(0)


@pytest.mark.parametrize("activate", [False, True])
def test_dense_is_its_equation(draw, activate):
    layer = EqualizedDense(5, 4, draw, activate=activate, lr_multiplier=0.01, bias_init=2.0, dtype="float64")
    np.testing.assert_array_equal(layer.bias, np.full(4, 2.0))
    layer.bias.assign(100 * RNG.standard_normal(4))
    x = RNG.standard_normal([3, 5])
    y = x @ np.asarray(layer.weight) * 0.01 / np.sqrt(5) + 0.01 * np.asarray(layer.bias)
    np.testing.assert_allclose(layer(tf.constant(x)), lrelu(y) if activate else y, rtol=1e-13)


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_convolution_is_its_equation(draw, activate, clamp):
    layer = EqualizedConv2D(5, 4, 3, draw, activate=activate, clamp=clamp, dtype="float64")
    layer.bias.assign(RNG.standard_normal(4))
    x = RNG.standard_normal([2, 4, 4, 5])
    y = tf.nn.conv2d(x, np.asarray(layer.weight) / np.sqrt(45), 1, "SAME").numpy() + np.asarray(layer.bias)
    y = 0.7 * (lrelu(y) if activate else y)
    limit = np.inf if clamp is None else 0.7 * clamp
    assert clamp is None or np.abs(y).max() > limit
    expected = np.clip(y, -limit, limit)
    np.testing.assert_allclose(layer(tf.constant(x), gain=0.7), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("lr_multiplier", [1.0, 0.01])
def test_the_layer_starts_with_the_same_variance_whatever_the_multiplier(draw, lr_multiplier):
    layer = EqualizedDense(256, 256, draw, lr_multiplier=lr_multiplier)
    # The standard error of a standard deviation of n numbers is 1 / sqrt(2 n).
    np.testing.assert_allclose(np.std(layer.weight) * lr_multiplier, 1, atol=4 / np.sqrt(2 * 256**2))
    y = layer(tf.constant(RNG.standard_normal([256, 256]), tf.float32))
    np.testing.assert_allclose(np.std(y), 1, atol=0.03)


@pytest.mark.parametrize("channels_in", [4, 64])
def test_a_convolution_starts_with_the_same_variance_whatever_its_size(draw, channels_in):
    layer = EqualizedConv2D(channels_in, 256, 3, draw, activate=False)
    y = layer(tf.constant(RNG.standard_normal([16, 8, 8, channels_in]), tf.float32))
    np.testing.assert_allclose(np.std(y[:, 1:-1, 1:-1]), 1, atol=0.05)


def test_the_multiplier_is_of_the_speed_of_learning(draw):
    """A step of one size for every weight, as Adam's, moves the output by the multiplier."""
    moves = {}
    for multiplier in (1.0, 0.01):
        layer = EqualizedDense(16, 1, draw, lr_multiplier=multiplier, dtype="float64")
        x = tf.ones([1, 16], tf.float64)
        before = layer(x)
        for weight in layer.trainable_variables:
            weight.assign_add(tf.ones_like(weight))
        moves[multiplier] = float((layer(x) - before)[0, 0])
    np.testing.assert_allclose(moves[0.01], 0.01 * moves[1.0], rtol=1e-10)


@pytest.mark.parametrize("count, group", [(8, 4), (6, 2), (3, 4), (4, 1)])
@pytest.mark.parametrize("channels", [1, 2])
def test_minibatch_stddev(count, group, channels):
    check_minibatch_stddev(count, group, channels)


@pytest.mark.parametrize("count, group, used", [(6, 4, 3), (5, 4, 1), (2, 4, 2)])
def test_minibatch_stddev_of_a_batch_that_does_not_divide_takes_smaller_groups(count, group, used):
    x = check_minibatch_stddev(count, used, 1)
    expected = minibatch_stddev(tf.constant(x), used)
    unknown = [tf.TensorSpec([None, *x.shape[1:]], tf.float64)]
    for jit_compile in (False, True):
        compiled = tf.function(lambda x: minibatch_stddev(x, group), unknown, jit_compile=jit_compile)
        np.testing.assert_allclose(compiled(tf.constant(x)), expected, rtol=1e-12)
    np.testing.assert_array_equal(minibatch_stddev(tf.constant(x), group), expected)


def check_minibatch_stddev(count, group, channels):
    """Returns the images that were looked at."""
    x = RNG.standard_normal([count, 3, 4, 6])
    y = minibatch_stddev(tf.constant(x), group, channels).numpy()
    np.testing.assert_array_equal(y[..., :6], x)
    groups = count // min(group, count)
    for i in range(count):
        members = x[i % groups :: groups]
        assert len(members) == min(group, count)
        deviations = np.sqrt(np.var(members, axis=0) + 1e-8)
        for part in range(channels):
            mean = deviations[:, :, part * 6 // channels : (part + 1) * 6 // channels].mean()
            np.testing.assert_allclose(y[i, :, :, 6 + part], mean, rtol=1e-13)
    return x
