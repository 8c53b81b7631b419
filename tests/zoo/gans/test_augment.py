"""Augmentation: equal to the official code's, exact derivatives, and probabilities as they are said."""

import functools
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import erfinv

from latentzoo.zoo.gans import augment as ada
from latentzoo.zoo.gans.ada import adapt
from latentzoo.zoo.gans.augment import GROUPS, Augment, Draws, augment, draw
from latentzoo.zoo.gans.warp import warp

OFFICIAL = Path(__file__).parents[2] / "assets" / "augment" / "official.npz"


@functools.cache
def official():
    with np.load(OFFICIAL) as arrays:
        return {name.replace("centre", "center"): array for name, array in arrays.items()}


def copies(kind, n):
    return tf.tile(official()[f"{kind}/image"][np.newaxis], [n, 1, 1, 1])


def noise(*shape, seed=0):
    return tf.random.stateless_uniform(shape, (seed, 0), minval=-1, maxval=1)


def drawn(n, shape=(24, 32, 3), p=1.0, groups=GROUPS, seed=0):
    return draw((seed, 1), tf.constant([n, *shape]), tf.constant(p), groups)


def row(draws, i):
    return Draws(*(None if values is None else values[i : i + 1] for values in draws))


# Parity with the official code


@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_its_draws_give_the_official_images(kind):
    prefix = f"{kind}/draws/"
    draws = {name.removeprefix(prefix): x for name, x in official().items() if name.startswith(prefix)}
    expected = official()[f"{kind}/drawn"]
    result = augment(copies(kind, len(expected)), Draws(**{k: tf.constant(x) for k, x in draws.items()}))
    np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_percentiles_of_our_distributions_give_the_official_images(kind):
    q = official()[f"{kind}/percentiles"].astype(np.float64)
    z, centred = erfinv(2 * q - 1), 2 * q - 1  # as there, without the square root of 2
    draws = {
        "flip": np.floor(2 * q),
        "quarter_turns": np.floor(4 * q),
        "shift": np.stack([ada.SHIFT * centred] * 2, axis=1),
        "scale": 2 ** (ada.SCALE * z),
        "rotation_before": math.pi * centred,
        "stretch": 2 ** (ada.STRETCH * z),
        "rotation_after": 0 * q,
        "drift": np.stack([ada.DRIFT * z] * 2, axis=1),
        "brightness": ada.BRIGHTNESS * z,
        "contrast": 2 ** (ada.CONTRAST * z),
        "luma_flip": np.floor(2 * q),
        "hue": math.pi * centred,
        "saturation": 2 ** (ada.SATURATION * z),
    }
    draws = Draws(**{name: tf.constant(values, tf.float32) for name, values in draws.items()})
    expected = official()[f"{kind}/at_percentiles"]
    np.testing.assert_allclose(augment(copies(kind, len(q)), draws), expected, atol=1e-4)


# What a transformation does


def smooth(height, width):
    y, x = np.mgrid[:height, :width]
    return np.sin(0.12 * x + 0.05 * y)[np.newaxis, ..., np.newaxis].astype(np.float32)


def reflected(image, padding):
    return np.pad(image, [(0, 0), *padding, (0, 0)], "reflect")


def moved(image, **draws):
    identity = {"flip": 0, "quarter_turns": 0, "shift": (0, 0), "scale": 1, "rotation_before": 0}
    identity |= {"stretch": 1, "rotation_after": 0, "drift": (0, 0)}
    draws = {name: tf.constant([value], tf.float32) for name, value in (identity | draws).items()}
    return augment(image, Draws(**draws)).numpy()


@pytest.mark.parametrize(
    "draws, expected",
    [
        ({"flip": 1}, lambda x: x[:, :, ::-1]),
        ({"quarter_turns": 1}, lambda x: np.rot90(x, 1, axes=(1, 2))),
        ({"quarter_turns": 3}, lambda x: np.rot90(x, 3, axes=(1, 2))),
        ({"rotation_before": math.pi / 2}, lambda x: np.rot90(x, 1, axes=(1, 2))),
        ({"shift": (0.125, 0)}, lambda x: reflected(x, [(0, 0), (4, 0)])[:, :, :-4]),
        ({"shift": (0, -0.0625)}, lambda x: reflected(x, [(0, 2), (0, 0)])[:, 2:]),
        ({"drift": (0.125, 0)}, lambda x: reflected(x, [(0, 0), (4, 0)])[:, :, :-4]),
    ],
)
def test_where_a_map_moves_the_pixels(draws, expected):
    image = smooth(32, 32)
    np.testing.assert_allclose(moved(image, **draws), expected(image), atol=0.02)


def test_alpha_moves_with_the_colors_and_keeps_its_values():
    image, draws = noise(4, 24, 32, 4), drawn(4, shape=(24, 32, 4))
    result = augment(image, draws._replace(cutout_size=None))
    colors = augment(image[..., :3], draws._replace(cutout_size=None))
    geometry = draws._replace(brightness=None, band_gains=None, noise=None, cutout_size=None)
    alpha = augment(image[..., 3:], geometry)
    np.testing.assert_allclose(result, tf.concat([colors, alpha], axis=-1), atol=1e-6)
    cut = augment(image, draws).numpy()
    assert ((cut == 0).all(axis=-1).mean(axis=(1, 2)) > 0.05).all()


def test_the_bands_of_the_filter_keep_the_power_of_photographs():
    gains = noise(1, 4)[0] ** 2 + 0.5
    powers = np.array([10, 1, 1, 1]) / 13
    total = 1.0
    for band in range(4):
        alone = np.where(np.arange(4) == band, gains, 1.0)
        total = total * alone / np.sqrt((powers * alone**2).sum())
    impulse = np.zeros([1, 129, 129, 1], np.float32)
    impulse[0, 64, 64] = 1
    response = augment(tf.constant(impulse), Draws(band_gains=gains[np.newaxis])).numpy()[0, ..., 0]
    spectrum = abs(np.fft.fft2(response))
    assert spectrum[0, 0] == pytest.approx(total[0] ** 2, rel=1e-4)  # a constant image: the lowest band
    assert spectrum[0, 64] == pytest.approx(total[0] * total[3], rel=0.02)  # stripes: the highest one


# Derivatives


def test_the_gradient_of_a_gradient_agrees_with_differences():
    images, direction = (tf.cast(noise(2, 12, 14, 3, seed=seed), tf.float64) for seed in (1, 2))
    draws = drawn(2, shape=(12, 14, 3))

    def penalty(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = tf.reduce_sum(tf.sin(3 * augment(x, draws)), axis=[1, 2, 3])
        return tf.reduce_sum(tape.gradient(logits, x) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = penalty(images)
    slope = tf.reduce_sum(tape.gradient(value, images) * direction)
    step = 1e-5
    difference = (penalty(images + step * direction) - penalty(images - step * direction)) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_graph_and_xla_give_the_eager_images_and_second_derivatives(jit_compile):
    images, draws = noise(3, 8, 8, 3), drawn(3, shape=(8, 8, 3))

    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                result = augment(x, draws)
                logits = tf.reduce_sum(result**3)
            penalty = tf.reduce_sum(inner.gradient(logits, x) ** 2)
        return result, outer.gradient(penalty, x)

    for ours, eager in zip(tf.function(second, jit_compile=jit_compile)(images), second(images), strict=True):
        scale = float(tf.reduce_max(abs(eager)))
        np.testing.assert_allclose(ours / scale, eager / scale, atol=1e-5)


# Draws


@pytest.mark.parametrize("how", ["eager", "graph", "xla"])
def test_without_a_probability_images_pass_as_they_are(how):
    layer, images, seed = Augment(GROUPS), noise(2, 8, 8, 3), tf.constant([2**40, 0], tf.int64)

    def call(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = layer(x, seed)
        return result, tape.gradient(result, x)

    call = call if how == "eager" else tf.function(call, jit_compile=how == "xla")
    result, slopes = call(images)
    np.testing.assert_array_equal(result, images)
    np.testing.assert_array_equal(slopes, tf.ones_like(images))
    layer.p.assign(1.0)
    result, slopes = call(images)
    for changed, same in ((result, images), (slopes, tf.ones_like(images))):
        assert np.isfinite(changed).all()
        assert not np.isclose(changed, same).all(axis=(1, 2, 3)).any()


def test_an_image_does_not_depend_on_those_beside_it():
    images, draws = noise(5, 24, 32, 3), drawn(5)
    together = augment(images, draws)
    for i in range(5):
        np.testing.assert_allclose(augment(images[i : i + 1], row(draws, i))[0], together[i], atol=1e-5)


def test_the_seed_gives_the_numbers_and_each_image_its_own():
    layer, image = Augment(GROUPS), tf.tile(noise(1, 16, 16, 1), [4, 1, 1, 1])
    layer.p.assign(1.0)
    result = layer(image, seed=(5, 6)).numpy()
    np.testing.assert_array_equal(result, layer(image, seed=(5, 6)))
    assert not np.isclose(result, layer(image, seed=(5, 7))).all(axis=(1, 2, 3)).any()
    assert len(np.unique(result.reshape(4, -1).round(3), axis=0)) == 4


def test_each_transformation_has_its_probability():
    n, p = 20_000, 0.3
    draws = drawn(n, shape=(1, 1, 1), p=p)
    identity = {"scale": 1, "stretch": 1, "contrast": 1, "saturation": 1, "band_gains": 1}
    # Of flips one in two is none, of quarter turns one in four.
    expected = {"flip": p / 2, "luma_flip": p / 2, "quarter_turns": p * 3 / 4}
    expected |= dict.fromkeys(["rotation_before", "rotation_after"], 1 - math.sqrt(1 - p))
    changed = {}
    for name, values in draws._asdict().items():
        if name != "cutout_center":
            rows = values.numpy().reshape(n, -1) if name != "band_gains" else values.numpy()[:, 2:3]
            changed[name] = (rows != identity.get(name, 0)).any(axis=1)
            probability = expected.get(name, p)
            error = math.sqrt(probability * (1 - probability) / n)
            assert changed[name].mean() == pytest.approx(probability, abs=4 * error), name
    both = changed["rotation_before"] | changed["rotation_after"]
    assert both.mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / n))
    table = np.stack([changed[name] for name in changed if name not in expected])
    assert abs(np.corrcoef(table) - np.eye(len(table))).max() < 5 / math.sqrt(n)


def test_the_spread_of_the_draws_is_the_papers():
    draws = drawn(20_000, shape=(1, 1, 1))
    for values, deviation in [
        (np.log2(draws.scale), 0.2),
        (np.log2(draws.stretch), 0.2),
        (draws.drift, 0.125),
        (draws.brightness, 0.2),
        (np.log2(draws.contrast), 0.5),
        (np.log2(draws.saturation), 1.0),
        (np.log2(draws.band_gains), 1.0),
        (draws.shift, 0.125 / math.sqrt(3)),
        (draws.rotation_before, math.pi / math.sqrt(3)),
        (draws.hue, math.pi / math.sqrt(3)),
    ]:
        assert np.std(values) == pytest.approx(deviation, rel=0.03)
        assert abs(np.mean(values)) < 0.03 * deviation
    assert np.bincount(draws.quarter_turns.numpy().astype(int)) / 20_000 == pytest.approx(0.25, abs=0.02)


# The adaptive rule, the layer, errors


def test_p_rises_when_the_discriminator_overfits_and_falls_else_but_not_below_0():
    step = 64 * 4 / 500_000
    assert float(adapt(0.2, 0.61, 0.6, 256, 500_000)) == pytest.approx(0.2 + step)
    assert float(adapt(0.2, 0.59, 0.6, 256, 500_000)) == pytest.approx(0.2 - step)
    assert float(adapt(step / 2, -1.0, 0.6, 256, 500_000)) == 0
    p = 0.0
    for _ in range(round(1 / step)):
        p = float(adapt(p, 0.9, 0.6, 256, 500_000))
    assert p == pytest.approx(1, abs=1e-3)  # after 500,000 images


def test_replicas_augment_and_share_one_probability(mirrored_strategy):
    with mirrored_strategy.scope():
        layer = Augment()
    images = noise(2, 8, 8, 3)

    @tf.function
    def step():
        layer.p.assign(adapt(layer.p.value, 1.0, 0.6, 100, 200))
        return layer(images, seed=(1, 2))

    results = mirrored_strategy.experimental_local_results(mirrored_strategy.run(step))
    assert keras.ops.convert_to_numpy(layer.p.value.values[0]) == 0.5
    alone = Augment()
    alone.p.assign(0.5)
    for result in results:
        np.testing.assert_allclose(result, alone(images, seed=(1, 2)), atol=1e-6)


def test_the_layer_comes_back_from_its_config():
    layer = Augment(("blit", "filter"))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.groups == layer.groups
    assert [weight.name for weight in again.non_trainable_weights] == ["p"] and not again.trainable_weights


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="groups must be of blit, .* cutout, got 'colors'."):
        Augment(("blit", "colors"))
    with pytest.raises(ValueError, match="images must have 1, 3 or 4 channels, got 2."):
        augment(tf.zeros([1, 8, 8, 2]), drawn(1, shape=(8, 8, 2)))


def test_an_image_is_zero_beyond_its_reflection():
    inverse = tf.constant([[[8.0, 0, 0], [0, 8.0, 0], [0, 0, 1.0]]])  # eight times as small
    small = warp(tf.ones([1, 32, 32, 1]), inverse).numpy()[0, ..., 0]
    assert abs(small[0]).max() < 1e-6 and abs(small[:, -1]).max() < 1e-6
    assert abs(small[12:20, 12:20] - 1).max() < 0.05  # 32 + 2 * 31 pixels, as 12
