"""Glow's own maths: its density in closed form where training starts, and the data-dependent start."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from latentzoo.bijectors import ActNorm, Squeeze, center
from latentzoo.zoo.flows import glow

pytestmark = pytest.mark.usefixtures("eagerly")

D = 64
SCALE = 1 / (1 + math.exp(-2)) + 0.1  # Glow's sigmoid(h + 2) and its least scale, where h = 0


def log_normal(z):
    z = np.asarray(z, np.float64).reshape(len(z), -1)
    return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(axis=1)


@pytest.mark.parametrize("permutation", ["conv", "reverse", "shuffle"])
def test_an_untrained_additive_glow_is_a_rotation(tiny, float_clothes, permutation):
    model = tiny(coupling="additive", permutation=permutation)
    expected = log_normal(float_clothes - 0.5)
    np.testing.assert_allclose(model.log_prob(float_clothes), expected, rtol=1e-5)


def test_two_untrained_affine_steps_with_reversal_scale_every_channel_once(tiny, float_clothes):
    # The first level scales all by s. Even rows of the image stay for the second one, which does it again.
    model = tiny(permutation="reverse")
    scale = np.full([8, 8, 1], SCALE)
    scale[::2] = SCALE**2
    expected = log_normal((float_clothes - 0.5) * scale) + np.log(scale).sum()
    np.testing.assert_allclose(model.log_prob(float_clothes), expected, rtol=1e-5)


def test_untrained_affine_steps_with_convolutions_scale_half_the_channels_each(tiny, float_clothes):
    model = tiny()
    log_det = 2 * (4 * 4 * 2 + 2 * 2 * 4) * math.log(SCALE)  # depth * active numbers of both levels
    expected = log_normal(model.encode(float_clothes)) + log_det
    np.testing.assert_allclose(model.log_prob(float_clothes), expected, rtol=1e-5)


@pytest.mark.parametrize("num_bits", [8, 5, 1])
def test_bits_of_an_untrained_glow_in_closed_form(tiny, clothes, num_bits):
    model = tiny(coupling="additive", num_bits=num_bits)
    images = np.stack([np.full([8, 8, 1], value, np.uint8) for value in (0, 100, 255)])
    # Mean of (x - 1/2)^2 over a bin, in place of one draw of the noise: 400 draws of 64 pixels.
    many = np.repeat(images, 400, axis=0)
    bits = np.asarray(model.bits_per_dim(many, seed=1)).reshape(3, 400).mean(axis=1)
    width = 2.0**-num_bits
    middle = (np.array([0, 100, 255]) // 2 ** (8 - num_bits) + 0.5) * width - 0.5
    expected = num_bits + (0.5 * (middle**2 + width**2 / 12) + 0.5 * math.log(2 * math.pi)) / math.log(2)
    # The standard deviation of the estimate: 25,600 draws of x^2 / (2 ln 2), |x| <= 1/2, one bin wide.
    np.testing.assert_allclose(
        bits, expected, atol=5 * width / math.log(2) / 2 / math.sqrt(25600 * 12) + 1e-5
    )


def test_an_untrained_equalized_glow_is_the_histogram_in_closed_form(tiny, clothes):
    """Each bin of the images' histogram as wide as it is frequent, and a truncated Gaussian in it."""
    images = clothes[0]
    model = tiny(coupling="additive", preprocess="equalize")
    model.initialize(images)
    for steps in model._steps:  # back from the statistics of these images
        steps._log_scale.assign(tf.zeros_like(steps._log_scale))
        steps._shift.assign(tf.zeros_like(steps._shift))
    masses = 0.9 * np.bincount(images.ravel(), minlength=256) / images.size + 0.1 / 256
    starts = np.cumsum(masses) - masses
    n, u = images.reshape(len(images), -1), np.random.default_rng(0).random([len(images), D])
    noise = stats.truncnorm(-2, 2, loc=0.5, scale=0.25)
    z = starts[n] + masses[n] * noise.ppf(u) - 0.5
    expected = log_normal(z) + (np.log(256 * masses[n]) - noise.logpdf(noise.ppf(u))).sum(axis=1)
    x = ((n + u) / 256).reshape(images.shape).astype(np.float32)
    # A float32 pixel is exact to 1e-5 bins, which change a logarithm by up to 8e-5.
    np.testing.assert_allclose(model.log_prob(x), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("permutation", ["conv", "reverse", "shuffle"])
@pytest.mark.parametrize("coupling", ["affine", "additive"])
def test_after_initialisation_every_actnorm_gives_mean_0_and_variance_1(
    tiny, float_clothes, shaken, coupling, permutation
):
    model = shaken(tiny(coupling=coupling, permutation=permutation))  # couplings are no identities
    model.initialize(float_clothes)
    x = center().forward(tf.constant(float_clothes))
    for steps in model._steps:
        x = Squeeze().forward(x)
        for k in range(model.depth):
            p = tf.nest.map_structure(lambda leaf, k=k: leaf[k], steps._parameters())
            mean, variance = tf.nn.moments(ActNorm(**p["actnorm"]).forward(x), axes=[0, 1, 2])
            np.testing.assert_allclose(mean, np.zeros_like(mean), atol=1e-5)
            np.testing.assert_allclose(variance, np.ones_like(variance), rtol=1e-4)
            x = steps.step(p).forward(x)
        x, _ = tf.split(x, 2, axis=-1)


def test_initialisation_survives_constant_images(tiny):
    model = tiny()
    model.initialize(np.zeros([4, 8, 8, 1], np.float32))
    assert all(np.isfinite(np.asarray(weight)).all() for weight in model.trainable_variables)


def test_reversible_and_stored_activations_train_alike(tiny, clothes, assert_same_weights):
    models = [tiny(reversible=reversible) for reversible in (False, True)]
    start = models[0].get_weights()
    for model in models:
        # With its usual epsilon Adam makes whole steps of gradients that are rounding alone.
        model.compile(optimizer=keras.optimizers.Adam(3e-3, epsilon=1e-3), run_eagerly=True)
        model.fit(clothes[0], batch_size=64, epochs=5, shuffle=False, verbose=0)
    assert_same_weights(*models, tolerance=1e-5)
    trainable = {weight.path for weight in models[0].trainable_weights}
    for weight, before in zip(models[0].weights, start, strict=True):
        assert weight.path not in trainable or np.abs(weight - before).max() > 1e-5


def test_reversible_and_stored_activations_have_the_same_gradients(trained, tiny, clothes):
    gradients = []
    for reversible in (False, True):
        model = tiny(reversible=reversible)
        model.set_weights(trained("plain").get_weights())
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(clothes[0]))
        gradients.append(tape.gradient(loss, [w.value for w in model.trainable_variables]))
    for weight, a, b in zip(model.trainable_variables, *gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(a).max(), err_msg=weight.path)


@pytest.mark.parametrize("parallel_micro_batches", [2, 3, 16])
def test_parts_of_a_batch_give_the_loss_and_gradient_of_the_whole(
    trained, tiny, clothes, parallel_micro_batches
):
    inputs = tf.nest.map_structure(lambda array: array[:16], clothes)
    results = []
    for parts in (1, parallel_micro_batches):
        model = tiny(num_classes=10, permutation="reverse")
        model.set_weights(trained("conditional").get_weights())
        model.parallel_micro_batches = parts
        with tf.GradientTape() as tape:
            loss = model(inputs, training=True)  # with noise, which must be that of the whole too
            mean = tf.reduce_mean(loss)
        gradients = tape.gradient(mean, [w.value for w in model.trainable_variables])
        results.append([np.asarray(tf.convert_to_tensor(value)) for value in (loss, *gradients)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(a).max())


def test_the_levels_of_latents_halve_and_the_last_one_keeps_all_channels(trained, clothes):
    parts = trained("plain").split_latents(trained("plain").encode(clothes[0]))
    assert [tuple(part.shape) for part in parts] == [(64, 4, 4, 2), (64, 2, 2, 8)]


def test_the_fine_latents_depend_on_the_coarse_ones_and_not_the_other_way(trained, clothes):
    # The coarse level is computed from its own latents alone: moving the fine ones leaves it (figure 2b).
    model = trained("plain")
    bijector = model.bijector().bijectors[0]
    latents = np.asarray(model.encode(clothes[0][:4]))
    moved = latents.copy()
    moved[:, :32] += 1
    level = model._steps[0]
    kept = []
    for z in (latents, moved):
        h = Squeeze().forward(bijector.inverse(tf.constant(z)))
        kept.append(tf.split(level.bijector().forward(h), 2, axis=-1)[0])
    np.testing.assert_allclose(kept[0], kept[1], atol=1e-5)


@pytest.mark.parametrize("permutation", ["conv", "shuffle"])
def test_the_seed_draws_weights_and_permutations(tiny, permutation):
    models = [tiny(seed=seed, permutation=permutation) for seed in (0, 0, 1, 2**31 - 1)]
    first, same, *others = ([np.asarray(w) for w in m.weights if np.std(w) > 0] for m in models)
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    for other in others:
        assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True) if a.size > 16)


def test_levels_and_steps_start_from_different_weights(tiny):
    level_0, level_1 = tiny(depth=3)._steps
    kernels = (
        np.asarray(level_0._network._stacked["kernel_2"]),
        np.asarray(level_1._network._stacked["kernel_2"]),
    )
    every = np.concatenate(kernels).reshape(6, -1)
    assert len(np.unique(every, axis=0)) == 6


def test_a_step_is_actnorm_then_permutation_then_coupling(tiny):
    # Table 1 from top to bottom, on numbers: reversal of (x + 1), whose first half gets shifted by bias 3.
    model = tiny(coupling="additive", permutation="reverse", levels=1, depth=1)
    steps = model._steps[0]
    steps._shift.assign([[1.0, 2.0, 3.0, 4.0]])
    steps._network._stacked["bias_3"].assign([[10.0, 20.0]])
    y = steps.bijector().forward(tf.zeros([1, 1, 1, 4]))[0, 0, 0]
    reversed_ = np.array([4.0, 3.0, 2.0, 1.0])
    shifted = np.sort(np.asarray(y) - reversed_)
    np.testing.assert_allclose(shifted, [0, 0, 10, 20])


def test_keras_constructor_arguments(tiny):
    assert tiny(name="other").name == "other"
    assert tiny(dtype="mixed_bfloat16").dtype_policy == keras.DTypePolicy("mixed_bfloat16")


def test_what_networks_see_is_bounded_so_that_samples_far_out_and_densities_of_odd_images_are_finite(
    tiny, shaken, monkeypatch
):
    model = shaken(tiny(depth=4), 0.15)
    rows, columns = np.indices([8, 8])
    odd = 255 * np.stack([rows % 2, columns % 2, (rows + columns) % 2])[..., None].astype(np.uint8)
    samples = np.asarray(model.sample(16, temperature=3.0))
    assert np.isfinite(samples).all() and 0 <= samples.min() < samples.max() <= 1
    assert np.isfinite(model.log_prob(odd)).all() and np.isfinite(model.encode(odd)).all()
    monkeypatch.setattr(glow, "MAX_INPUT", np.inf)
    with pytest.raises(ValueError, match="latents of temperature 3 give .* of 16 rows with NaN or infinity"):
        model.sample(16, temperature=3.0)


def test_images_that_float32_cannot_restore_are_refused(tiny, shaken, clothes):
    model = shaken(tiny(depth=4), 0.2)
    images = clothes[0][:4]
    error = np.abs(model.decode(model.encode(images)) - (images + 0.5) / 256).max()
    assert not error < 1 / 512  # such weights squeeze images together by more than float32 resolves
    with pytest.raises(ValueError, match="images are not restored by float32 arithmetic, row 0"):
        model.reconstruct(images)
    with pytest.raises(ValueError, match="images are not restored"):
        model.interpolate(images[0], images[1], steps=3)
