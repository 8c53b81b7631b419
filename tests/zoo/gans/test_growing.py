"""Progressive growing: networks at every level of detail, and its schedule."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans import growing
from latentzoo.zoo.gans.named_weights import named_weights

from .networks import arrays, numbers, r1, shaken, tiny_discriminator, tiny_generator
from .stylegan_equations import doubled, halved


def test_without_growing_there_are_the_highest_colors_alone(generator, critics):
    generator.synthesis.lod.assign(0.0)
    fixed = tiny_generator(doublings=0)
    copy_weights(generator, fixed)
    z = tf.constant(numbers(2, 5))
    np.testing.assert_allclose(fixed(z), generator(z), rtol=0, atol=1e-13)
    critic, fixed = critics[0], tiny_discriminator(doublings=0)
    critic.lod.assign(0.0)
    copy_weights(critic, fixed)
    images = tf.constant(numbers(4, 16, 16, 2))
    np.testing.assert_allclose(fixed(images), critic(images), rtol=1e-12)


def copy_weights(source, target, levels=0):
    """The weights of a network, `levels` doublings smaller than the other."""
    weights = arrays(source)
    for name, weight in named_weights(target).items():
        head, found, level = name.partition("_lod")
        if found:
            name = f"{head}_lod{int(level[0]) + levels}{level[1:]}"
        if not name.endswith(".lod") and name != "lod":
            weight.assign(weights[name])


def test_a_whole_lod_is_the_smaller_network(generator, critics):
    large, small = generator.synthesis, tiny_generator(8, doublings=0).synthesis
    copy_weights(large, small, levels=1)
    large.lod.assign(1.0)
    w = tf.constant(numbers(2, 6, 4))
    np.testing.assert_allclose(large(w), doubled(small(w[:, :4]).numpy()), rtol=0, atol=1e-13)
    large, small = critics[0], tiny_discriminator(8, doublings=0)
    copy_weights(large, small, levels=1)
    large.lod.assign(1.0)
    images = numbers(4, 16, 16, 2)
    np.testing.assert_allclose(large(tf.constant(images)), small(tf.constant(halved(images))), rtol=1e-12)


@pytest.mark.parametrize("lod", [0.0, 1.0, 2.0])
def test_fading_is_continuous(generator, critics, lod):
    network, critic = generator.synthesis, critics[0]
    w, images = tf.constant(numbers(2, 6, 4)), tf.constant(numbers(4, 16, 16, 2))

    def at(value):
        network.lod.assign(value)
        critic.lod.assign(value)
        faded = growing.coarsened(images, critic.lod.value, 2)
        return np.concatenate([np.ravel(y) for y in (network(w), critic(images), faded)])

    for side in (-1, 1):
        near, far = (np.abs(at(lod + side * step) - at(lod)).max() for step in (1e-6, 1e-3))
        assert near < 1e-4
        assert far == 0 if not 0 <= lod + side <= 2 else far > 1e-5


@pytest.mark.parametrize("lod, size", [(0.0, 16), (0.5, 16), (1.0, 8), (1.5, 8), (2.0, 4)])
def test_gradients_reach_what_has_grown_and_nothing_else(generator, critics, lod, size):
    critic = critics[0]
    for network in (generator.synthesis, critic):
        network.lod.assign(lod)
    weights = {**named_weights(generator), **named_weights(critic)}
    weights = {name: weight for name, weight in weights.items() if weight.trainable}
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(critic(generator(tf.constant(numbers(4, 5)))) ** 2)
    found = tape.gradient(loss, [weight.value for weight in weights.values()])
    reached = {name for name, slope in zip(weights, found, strict=True) if np.any(slope)}
    newest = int(np.log2(16 // size))
    colors = {newest, newest + 1} if lod % 1 else {newest}

    def is_grown(name):
        if "_lod" in name:
            return int(name.partition("_lod")[2][0]) in colors
        sizes = [part for part in name.split(".") if part[0].isdigit()]
        return not sizes or int(sizes[0].partition("x")[0]) <= size

    assert reached == {name for name in weights if is_grown(name)}


@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_graph_serves_every_lod(jit_compile):
    generator = tiny_generator(8, doublings=1)
    critic = shaken(tiny_discriminator(8, doublings=1))

    def everything(w, images):
        with tf.GradientTape() as tape:
            penalty = r1(critic, images)
        weights = [weight.value for weight in critic.trainable_variables]
        gradients = tape.gradient(penalty, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return generator.synthesis(w), penalty, gradients

    graph = tf.function(everything, jit_compile=jit_compile, autograph=False)
    inputs = tf.constant(numbers(2, 4, 4)), tf.constant(numbers(4, 8, 8, 2))
    for lod in (0.5, 1.0):
        generator.synthesis.lod.assign(lod)
        critic.lod.assign(lod)
        for a, b in zip(tf.nest.flatten(graph(*inputs)), tf.nest.flatten(everything(*inputs)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert graph.experimental_get_tracing_count() == 1


def test_real_images_lose_the_detail_that_is_to_come():
    images = numbers(2, 16, 16, 2)
    once, twice = doubled(halved(images)), doubled(doubled(halved(halved(images))))
    cases = {0.0: images, 0.25: 0.75 * images + 0.25 * once, 1.0: once, 1.5: (once + twice) / 2, 2.0: twice}
    for lod, expected in cases.items():
        found = growing.coarsened(tf.constant(images), tf.constant(lod), 2)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("steady, fade", [(100, 60), (0, 60), (100, 0)])
def test_the_schedule_is_the_official_one(steady, fade):
    for images in range(0, 500, 5):
        phase, rest = divmod(images, steady + fade)
        expected = 2 - phase - (max(rest - steady, 0) / fade if fade else 0)
        lod = growing.lod_at(tf.constant(images, tf.int64), 2, steady, fade)
        np.testing.assert_allclose(lod, max(expected, 0), rtol=1e-6)
