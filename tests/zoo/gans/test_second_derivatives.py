"""Gradients of regularizations, which are second derivatives of the networks, against differences."""

import numpy as np
import pytest
import tensorflow as tf

from .networks import (
    numbers,
    r1,
    shaken,
    tiny_discriminator,
    tiny_discriminator2,
    tiny_generator,
    tiny_generator2,
)


def directional_derivative(function, weights, step=1e-7):
    """(by tape, by central differences) along a random direction of all weights, in float64."""
    rng = np.random.default_rng(1)
    values = [weight.value for weight in weights]
    directions = [rng.standard_normal(value.shape) for value in values]
    with tf.GradientTape() as tape:
        y = function()
    gradients = tape.gradient(y, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    by_tape = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    starts = [value.numpy() for value in values]
    ends = []
    for sign in (1, -1):
        for value, start, direction in zip(values, starts, directions, strict=True):
            value.assign(start + sign * step * direction)
        ends.append(float(function()))
    for value, start in zip(values, starts, strict=True):
        value.assign(start)
    return float(by_tape), (ends[0] - ends[1]) / (2 * step)


def slope_in_w(generator, z, y):
    w = generator.mapping(z)
    with tf.GradientTape() as tape:
        tape.watch(w)
        product = tf.reduce_sum(generator.synthesis(w) * y)
    return tf.reduce_mean(tape.gradient(product, w) ** 2)


def path_length(generator, z, y, labels=None):
    w = generator.mapping(z, labels)
    with tf.GradientTape() as tape:
        tape.watch(w)
        product = tf.reduce_sum(generator.synthesis(w) * y)
    squares = tf.reduce_sum(tape.gradient(product, w) ** 2, axis=2)
    return tf.reduce_mean((tf.sqrt(tf.reduce_mean(squares, axis=1)) - 1.0) ** 2)


@pytest.mark.parametrize("lod, num_classes", [(0.0, 0), (0.5, 0), (0.5, 3)])
def test_r1_of_stylegan(lod, num_classes):
    critic = shaken(tiny_discriminator(8, doublings=1, num_classes=num_classes))
    critic.lod.assign(lod)
    images = tf.constant(numbers(4, 8, 8, 2))
    labels = tf.constant([0, 1, 2, 0]) if num_classes else None
    found = directional_derivative(lambda: r1(critic, images, labels), critic.trainable_variables)
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("lod", [0.0, 0.5])
def test_slopes_in_w_of_stylegan(lod):
    generator = shaken(tiny_generator(8, doublings=1))
    generator.synthesis.lod.assign(lod)
    z, y = tf.constant(numbers(2, 5)), tf.constant(numbers(2, 8, 8, 2))
    found = directional_derivative(lambda: slope_in_w(generator, z, y), generator.trainable_variables)
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("num_classes", [0, 3])
def test_r1_of_stylegan2(architecture, num_classes):
    options = {"architecture": architecture, "num_classes": num_classes, "dtype": "float64"}
    discriminator = shaken(tiny_discriminator2(**options))
    images = tf.constant(numbers(4, 8, 8, 2))
    labels = tf.constant([0, 1, 2, 0]) if num_classes else None
    by_tape, by_differences = directional_derivative(
        lambda: r1(discriminator, images, labels), discriminator.trainable_variables
    )
    np.testing.assert_allclose(by_tape, by_differences, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("num_classes", [0, 3])
def test_path_length_of_stylegan2(architecture, num_classes):
    options = {"architecture": architecture, "num_classes": num_classes, "dtype": "float64"}
    generator = shaken(tiny_generator2(**options))
    z, y = tf.constant(numbers(2, 5)), tf.constant(numbers(2, 8, 8, 2))
    labels = tf.constant([0, 2]) if num_classes else None
    by_tape, by_differences = directional_derivative(
        lambda: path_length(generator, z, y, labels), generator.trainable_variables
    )
    np.testing.assert_allclose(by_tape, by_differences, rtol=1e-5)
