"""The coupling networks against TensorFlow's and Keras's own convolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.networks.neighbors import dense_relu, gather_neighbors, spread_to_neighbors
from latentzoo.zoo.networks.stacked_conv_net import StackedConvNet
from latentzoo.zoo.networks.zero_conv import ZeroConv2D

SIZES = [(1, 1), (1, 5), (2, 2), (4, 7)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels, width", [(1, 1), (3, 4)])
def test_gathering_then_a_product_is_a_same_convolution(size, channels, width):
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal([2, *size, channels]), rng.standard_normal([3, 3, channels, width])
    y = gather_neighbors(tf.constant(x)) @ kernel.reshape(9 * channels, width)
    expected = tf.nn.conv2d(x, kernel, 1, "SAME")
    np.testing.assert_allclose(tf.reshape(y, [2, *size, width]), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels, width", [(1, 1), (3, 4)])
def test_a_product_then_spreading_is_a_same_convolution(size, channels, width):
    rng = np.random.default_rng(1)
    h, kernel = rng.standard_normal([2, *size, width]), rng.standard_normal([3, 3, width, channels])
    laid_out = kernel.transpose(2, 0, 1, 3).reshape(width, 9 * channels)
    product = tf.reshape(h, [-1, width]) @ laid_out
    y = spread_to_neighbors(product, size)
    np.testing.assert_allclose(y, tf.nn.conv2d(h, kernel, 1, "SAME"), rtol=0, atol=1e-13)


def keras_network(p, size, channels_in, width, channels_out):
    """The network of one step out of stock layers."""
    conv = keras.layers.Conv2D
    x = inputs = keras.Input([*size, channels_in])
    x = conv(width, 3, padding="same", activation="relu", name="first")(x)
    x = conv(width, 1, activation="relu", name="second")(x)
    x = conv(channels_out, 3, padding="same", name="third")(x)
    model = keras.Model(inputs, keras.layers.Rescaling(np.exp(3 * p["log_gain"]))(x))
    model.get_layer("first").set_weights([p["kernel_1"].reshape(3, 3, channels_in, width), p["bias_1"]])
    model.get_layer("second").set_weights([p["kernel_2"][None, None], p["bias_2"]])
    third = p["kernel_3"].reshape(width, 3, 3, channels_out).transpose(1, 2, 0, 3)
    model.get_layer("third").set_weights([third, p["bias_3"]])
    return model


def same_gradients(function, expected, inputs, atol):
    """Holds the gradients of two functions of the same inputs, and a second derivative, to each other."""
    both = []
    for f in (function, expected):
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                loss = tf.reduce_sum(tf.sin(f(*inputs)))
            first = tape.gradient(loss, inputs)
            norm = sum(tf.reduce_sum(g**2) for g in first)
        both.append([*first, *outer.gradient(norm, inputs)])
    for ours, theirs in zip(*both, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


@pytest.mark.parametrize("size", SIZES)
def test_gradients_of_gathering_and_spreading_are_those_of_convolutions(size):
    rng = np.random.default_rng(2)
    x, kernel = rng.standard_normal([2, *size, 3]), rng.standard_normal([3, 3, 3, 4])
    same_gradients(
        lambda x, k: gather_neighbors(x) @ tf.reshape(k, [27, 4]),
        lambda x, k: tf.reshape(tf.nn.conv2d(x, k, 1, "SAME"), [-1, 4]),
        [tf.constant(x), tf.constant(kernel)],
        atol=1e-9,
    )
    same_gradients(
        lambda x, k: spread_to_neighbors(
            tf.reshape(x, [-1, 3]) @ tf.reshape(tf.transpose(k, [2, 0, 1, 3]), [3, 36]), size
        ),
        lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"),
        [tf.constant(x), tf.constant(kernel)],
        atol=1e-9,
    )


def test_a_dense_relu_has_the_gradients_of_its_parts():
    rng = np.random.default_rng(3)
    inputs = [tf.constant(rng.standard_normal(shape)) for shape in ([6, 3], [3, 4], [4])]
    same_gradients(dense_relu, lambda x, w, b: tf.nn.relu(x @ w + b), inputs, atol=1e-9)


@pytest.mark.parametrize("channels_in, channels_out", [(2, 4), (12, 24)])
def test_each_step_of_the_stack_equals_a_keras_network(shaken, channels_in, channels_out):
    stack = shaken(StackedConvNet(2, channels_in, 8, channels_out, seed=0), size=0.3)
    x = np.random.default_rng(0).standard_normal([2, 6, 4, channels_in]).astype(np.float32)
    for k in range(2):
        p = {name: np.asarray(weight[k]) for name, weight in stack.parameters().items()}
        expected = keras_network(p, (6, 4), channels_in, 8, channels_out)(x)
        y = StackedConvNet.apply(tf.nest.map_structure(tf.constant, p), tf.constant(x))
        scale = np.abs(expected).max()
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float64"])
def test_the_stack_works_in_the_compute_dtype_and_gives_float32(shaken, policy):
    expected = shaken(StackedConvNet(1, 2, 8, 4, seed=0))
    stack = StackedConvNet(1, 2, 8, 4, seed=0, dtype=policy)
    for weight, other in zip(stack.weights, expected.weights, strict=True):
        weight.assign(tf.cast(other.value, weight.dtype))
    x = tf.random.stateless_normal([2, 4, 4, 2], [0, 0])
    outputs = []
    for network in (stack, expected):
        p = tf.nest.map_structure(lambda leaf: leaf[0], network.parameters())
        outputs.append(StackedConvNet.apply(p, x))
    assert stack.parameters()["kernel_1"].dtype == stack.compute_dtype
    assert outputs[0].dtype == tf.float32
    np.testing.assert_allclose(outputs[0], outputs[1], atol=0.02)  # bfloat16 has 8 bits


def test_the_stack_starts_as_he_says_and_ends_at_zero():
    stack = StackedConvNet(4, channels_in=16, width=64, channels_out=8, seed=0)
    p = stack.parameters()
    for name, fan_in in [("kernel_1", 9 * 16), ("kernel_2", 64)]:
        per_step = np.std(np.reshape(p[name], [4, -1]), axis=1)
        np.testing.assert_allclose(per_step, np.full(4, np.sqrt(2 / fan_in)), rtol=0.05)
    output = StackedConvNet.apply({n: leaf[0] for n, leaf in p.items()}, tf.ones([1, 4, 4, 16]))
    assert not np.any(output)


def test_a_zero_convolution_starts_at_zero_and_is_a_convolution(shaken):
    layer = ZeroConv2D(2, 3)
    x = np.random.default_rng(0).standard_normal([2, 4, 5, 2]).astype(np.float32)
    assert not np.any(layer(x))
    shaken(layer, size=0.3)
    conv = keras.layers.Conv2D(3, 3, padding="same")
    conv.build(x.shape)
    conv.set_weights([layer.kernel, layer.bias])
    np.testing.assert_allclose(
        layer(x), conv(x) * np.exp(3 * np.asarray(layer.log_gain)), rtol=1e-5, atol=1e-6
    )
