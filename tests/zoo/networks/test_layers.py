"""Keras's layers with a bias whose slope is right in bfloat16, beside Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.networks import layers
from latentzoo.zoo.networks.layers import add_bias

CASES = {
    "Dense": ((4,), {"units": 3, "activation": "tanh"}),
    "Conv2D": ((32, 32, 4), {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same"}),
    "Conv2DTranspose": ((16, 16, 4), {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same"}),
}


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", CASES)
def test_a_layer_is_kerass(kind, use_bias):
    shape, arguments = CASES[kind]
    ours, plain = (getattr(module, kind)(**arguments, use_bias=use_bias) for module in (layers, keras.layers))
    numbers = np.random.default_rng(0)
    x = numbers.standard_normal([2, *shape]).astype(np.float32)
    ours(x), plain(x)
    assert [weight.name for weight in ours.weights] == [weight.name for weight in plain.weights]
    weights = [numbers.standard_normal(weight.shape) for weight in plain.weights]
    ours.set_weights(weights), plain.set_weights(weights)
    np.testing.assert_array_equal(ours(x), plain(x))


@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
def test_the_slope_of_a_bias_is_summed_in_float32(kind):
    shape, arguments = CASES[kind]
    layer = getattr(layers, kind)(**arguments, dtype="mixed_bfloat16")
    x = tf.zeros([64, *shape])
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        y = layer(x)
        total = tf.reduce_sum(tf.cast(y, tf.float32) * [1.0, 2.0, -3.0])
    count = np.prod(y.shape[:-1])
    np.testing.assert_array_equal(tape.gradient(total, layer.bias.value), count * np.float32([1, 2, -3]))


def test_a_bias_has_the_first_and_second_derivatives_of_a_sum():
    numbers = np.random.default_rng(0)
    x, bias = tf.constant(numbers.standard_normal([2, 3, 4])), tf.constant(numbers.standard_normal(4))

    def slopes(add):
        with tf.GradientTape() as outer:
            outer.watch([x, bias])
            with tf.GradientTape() as inner:
                inner.watch([x, bias])
                y = tf.reduce_sum(tf.tanh(add(x, bias)) ** 2)
            first = inner.gradient(y, [x, bias])
            size = tf.reduce_sum(first[0] ** 2) + tf.reduce_sum(first[1] ** 3)
        return [*first, *outer.gradient(size, [x, bias])]

    for ours, plain in zip(slopes(add_bias), slopes(lambda x, bias: x + bias), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-12)
