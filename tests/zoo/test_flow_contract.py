"""What every flow promises, on Glow in each of its options: densities, latents, samples, scores."""

import math
import warnings

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo import images as zoo_images
from latentzoo.zoo import seeds

pytestmark = pytest.mark.usefixtures("eagerly")

D = 64


def log_normal(z):
    z = np.asarray(z, np.float64)
    return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(axis=-1)


def centres(model, images):
    bins = 2**model.num_bits
    return ((images // (256 // bins) + 0.5) / bins).astype(np.float32)


def jacobian(function, x, size):
    """d function(x) / dx of one event [1, ...], `[size, size]`: row i from a copy of x of its own."""
    copies = tf.repeat(tf.constant(x), size, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(copies)
        outputs = tf.linalg.trace(function(copies))
    return np.asarray(tape.gradient(outputs, copies), np.float64).reshape(size, size)


def test_log_prob_is_the_base_density_and_the_jacobian(each_trained):
    model, images, labels = each_trained
    for i in range(2):
        label = None if labels is None else labels[i : i + 1]
        copies = None if labels is None else tf.repeat(tf.cast(label, tf.int32), D)
        x = centres(model, images[i : i + 1])
        _, log_det = np.linalg.slogdet(jacobian(model.bijector(copies).forward, x, D))
        expected = log_normal(model.encode(x, label)) + log_det
        np.testing.assert_allclose(model.log_prob(images[i : i + 1], label), expected, rtol=1e-5, atol=2e-3)


def test_images_of_several_channels_and_unequal_sides(tiny, shaken):
    model = shaken(tiny(image_shape=(4, 2, 3), levels=1, depth=3))
    x = np.random.default_rng(0).uniform(size=[1, 4, 2, 3]).astype(np.float32)
    _, log_det = np.linalg.slogdet(jacobian(model.bijector().forward, x, 24))
    np.testing.assert_allclose(model.log_prob(x), log_normal(model.encode(x)) + log_det, rtol=1e-5)
    np.testing.assert_allclose(model.reconstruct(x), x, atol=1e-5)


def test_the_distribution_is_the_density_of_bin_centres(each_trained):
    model, images, labels = each_trained
    distribution = model.distribution(None if labels is None else tf.cast(labels, tf.int32))
    expected = distribution.log_prob(centres(model, images))
    np.testing.assert_allclose(model.log_prob(images, labels), expected, rtol=1e-6)


def test_the_distribution_samples(trained):
    drawn = trained("plain").distribution().sample(5, seed=[0, 0])
    assert drawn.shape == (5, 8, 8, 1) and np.isfinite(drawn).all()


def test_latents_and_back(each_trained):
    model, images, labels = each_trained
    latents = model.encode(images, labels)
    assert latents.shape == (16, D) and latents.dtype == tf.float32
    # A copy, so that TFP cannot answer from its cache.
    decoded = model.decode(np.array(latents), labels)
    np.testing.assert_allclose(decoded, centres(model, images), atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(images, labels), centres(model, images), atol=1e-5)


def test_bits_per_dim_with_the_noise_made_by_hand(each_trained):
    model, images, labels = each_trained
    noise = np.stack([tf.random.stateless_uniform([8, 8, 1], [7, i]) for i in range(16)])
    bins = 2**model.num_bits
    x = ((images // (256 // bins) + noise) / bins).astype(np.float32)
    expected = (D * math.log(bins) - np.asarray(model.log_prob(x, labels), np.float64)) / (D * math.log(2))
    np.testing.assert_allclose(model.bits_per_dim(images, seed=7, labels=labels), expected, rtol=1e-5)


def test_bits_of_an_image_do_not_depend_on_the_images_beside_it(trained, clothes):
    model, images = trained("plain"), clothes[0]
    whole = model.bits_per_dim(images[:8], seed=3)
    np.testing.assert_allclose(model.bits_per_dim(images[:3], seed=3), whole[:3], rtol=1e-6)
    pairs = np.stack([np.full(3, 3), np.arange(5, 8)], axis=1)
    np.testing.assert_allclose(model.bits_per_dim(images[5:8], seed=pairs), whole[5:], rtol=1e-6)
    assert not np.any(model.bits_per_dim(images[:8], seed=4) == whole)


def test_the_loss_is_in_bits_per_dim(each_trained):
    model, images, labels = each_trained
    inputs = images if labels is None else (images, labels)
    expected = model.num_bits - np.asarray(model.log_prob(images, labels)) / (D * math.log(2))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-5)


def test_the_training_loss_is_noisy_and_starts_with_fresh_noise_in_every_step(trained, clothes):
    model, images = trained("plain"), clothes[0][:8]
    noise = seeds.training_uniform(model.seed, model.optimizer.iterations, images.shape)
    x = ((images + np.asarray(noise)) / 256).astype(np.float32)
    expected = 8 - np.asarray(model.log_prob(x)) / (D * math.log(2))
    np.testing.assert_allclose(model(images, training=True), expected, rtol=1e-5)


def test_float_images_get_no_noise(trained, float_clothes):
    model = trained("plain")
    np.testing.assert_array_equal(model(float_clothes, training=True), model(float_clothes))
    bits = model.bits_per_dim(float_clothes, seed=0)
    np.testing.assert_array_equal(bits, model.bits_per_dim(float_clothes, seed=1))


def test_float_images_that_hold_pixels_are_warned_of_where_noise_would_matter(tiny, clothes, monkeypatch):
    monkeypatch.setattr(zoo_images, "_warned", set())
    model, pixels = tiny(depth=1), (clothes[0][:16] / 255).astype(np.float32)
    model.compile(optimizer="sgd", run_eagerly=True)
    uses = {
        "fit": lambda x: model.fit(x, batch_size=16, verbose=0),
        "evaluate": lambda x: model.evaluate(tf.data.Dataset.from_tensors(x), verbose=0),
        "log_prob": model.log_prob,
        "bits_per_dim": model.bits_per_dim,
    }
    for name, use in uses.items():
        with pytest.warns(UserWarning, match=f"{name} got float images whose values are all k / 255"):
            use(pixels)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* got float images")
        model.encode(pixels)
        for use in uses.values():
            use(pixels)  # said before
            use(clothes[0][:16])


def test_rows_of_a_sample_belong_to_the_seed_and_their_index(each_trained):
    model, _, labels = each_trained
    many = model.sample(16, seed=5, labels=labels)
    few = model.sample(4, seed=5, labels=None if labels is None else labels[:4])
    assert many.shape == (16, 8, 8, 1) and many.dtype == tf.float32
    np.testing.assert_allclose(many[:4], few, atol=1e-6)
    pairs = [[5, 9], [5, 0]]
    chosen = model.sample(2, seed=pairs, labels=None if labels is None else labels[[9, 0]])
    np.testing.assert_allclose(chosen, many.numpy()[[9, 0]], atol=1e-6)
    assert len(np.unique(np.reshape(many, [16, -1]), axis=0)) == 16
    assert np.abs(model.sample(16, seed=6, labels=labels) - many).max(axis=(1, 2, 3)).min() > 1e-3


def test_a_sample_is_the_decoded_noise_times_the_temperature(each_trained):
    model, _, labels = each_trained
    noise = seeds.normal(seeds.row_seeds(2, 16), (D,))
    for temperature in (1.0, 0.3):
        expected = model.decode(temperature * noise, labels)
        drawn = model.sample(16, seed=2, temperature=temperature, labels=labels)
        np.testing.assert_allclose(drawn, expected, atol=1e-6)


def test_temperature_0_gives_one_image(trained):
    model = trained("plain")
    images = np.asarray(model.sample(4, seed=0, temperature=0))
    np.testing.assert_allclose(images, np.repeat(images[:1], 4, axis=0), atol=1e-6)
    np.testing.assert_allclose(images[:1], model.decode(np.zeros([1, D], np.float32)), atol=1e-6)


def test_images_stay_in_the_unit_interval(trained):
    images = np.asarray(trained("plain").sample(32, seed=0, temperature=5.0))
    assert images.min() == 0 and images.max() == 1


def test_interpolation_is_straight_in_latents_and_ends_at_the_images(each_trained):
    model, images, labels = each_trained
    label = None if labels is None else labels[0]
    path = model.interpolate(images[0], images[1], steps=5, labels=label)
    np.testing.assert_allclose(path[0], centres(model, images)[0], atol=1e-5)
    np.testing.assert_allclose(path[-1], centres(model, images)[1], atol=1e-5)
    first, last = np.asarray(model.encode(images[:2], label))
    middle = model.decode(((first + last) / 2)[None], label)
    np.testing.assert_allclose(path[2], middle[0], atol=1e-5)


def test_scoring_and_sampling_do_not_initialise(tiny, clothes):
    model = tiny()
    before = model.get_weights()
    model.sample(2)
    model.log_prob(clothes[0])
    model.bits_per_dim(clothes[0])
    model(clothes[0])
    assert not model.initialized
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def calls(model, images):
    """What every compiled method gives."""
    latents = model.encode(images)
    return {
        "encode": latents,
        "decode": model.decode(latents),
        "log_prob": model.log_prob(images),
        "bits_per_dim": model.bits_per_dim(images, seed=1),
        "sample": model.sample(2, seed=1, temperature=0.7),
    }


def test_compiled_methods_give_what_eager_ones_do_and_see_new_weights(tiny, shaken, clothes):
    # Neither the compiled methods nor TFP's cache, which knows tensors by identity, may keep old weights.
    model, images = tiny(), clothes[0][:8]
    former = None
    for size in (0.05, 0.1):
        shaken(model, size)
        eager = calls(model, images)
        tf.config.run_functions_eagerly(False)
        compiled = calls(model, images)
        tf.config.run_functions_eagerly(True)
        for name in eager:
            np.testing.assert_allclose(compiled[name], eager[name], rtol=1e-4, atol=1e-4, err_msg=name)
        if former is not None:
            for name in ("encode", "log_prob", "bits_per_dim", "sample"):
                assert np.abs(compiled[name] - former[name]).max() > 1e-2, name
        former = compiled


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_low_precision_is_of_the_networks_alone(tiny, shaken, clothes, policy):
    model = shaken(tiny(dtype=policy))
    assert model.log_prob(clothes[0]).dtype == model.encode(clothes[0]).dtype == tf.float32
    assert model(clothes[0]).dtype == tf.float32
    full = tiny()
    full.set_weights(
        [np.asarray(w, full_w.dtype) for w, full_w in zip(model.weights, full.weights, strict=True)]
    )
    np.testing.assert_allclose(model.bits_per_dim(clothes[0]), full.bits_per_dim(clothes[0]), atol=0.02)
    if policy.startswith("mixed"):
        assert {w.dtype for w in model.trainable_variables} == {"float32"}
    flow = [w for w in model.variables if "network" not in w.path and w.dtype.startswith(("float", "bfloat"))]
    assert {w.dtype for w in flow} == {"float32"}
