"""What every VAE promises, in each of its options: latents, samples, scores, rows on their own."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.export import saved_model
from latentzoo.zoo import seeds
from latentzoo.zoo.vaes.binarization import binarize_once

from ...errors import text_of

pytestmark = pytest.mark.usefixtures("eagerly")

D = 64


def rows(values, wanted):
    return None if values is None else values[wanted]


def calls(model, images, labels, seed):
    """Every public method of images; each gives a row for each image."""
    scores = {
        "encode": model.encode(images, labels),
        "encode_sample": model.encode(images, labels, sample=True, seed=seed),
        "reconstruct": model.reconstruct(images, labels),
        "elbo": model.elbo(images, seed, labels),
        "kl": model.kl(images, seed, labels),
        "log_prob": model.log_prob(images, importance_samples=3, seed=seed, labels=labels),
    }
    if model.likelihood == "discretized_logistic":
        scores["bits_per_dim"] = model.bits_per_dim(images, seed, labels=labels)
    return scores


def test_a_row_does_not_depend_on_the_batch_it_is_in(each_vae):
    model, images, labels = each_vae
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if model.dtype_policy.name == "float32" else {"atol": 0.5}
    whole = calls(model, images, labels, seed=5)
    pairs = seeds.row_seeds(5, 16)
    for wanted in (slice(0, 3), slice(9, 16), slice(12, 13)):
        few = calls(model, images[wanted], rows(labels, wanted), pairs[wanted])
        for name, value in whole.items():
            assert value.dtype == tf.float32
            np.testing.assert_allclose(few[name], value[wanted], err_msg=name, **tolerance)


def test_compiled_methods_give_what_eager_ones_do(vae, shaken, clothes, request):
    model = shaken(vae(posterior="iaf", num_classes=10, levels=1, depth=0, flow_depth=1))
    images, labels = clothes[0][:8], clothes[1][:8]
    eager = calls(model, images, labels, seed=5)
    request.getfixturevalue("compiled")
    for name, value in calls(model, images, labels, seed=5).items():
        np.testing.assert_allclose(value, eager[name], rtol=1e-4, atol=1e-4, err_msg=name)


def test_posterior_and_prior_take_latents_of_any_batch(each_vae):
    model, images, labels = each_vae
    labels = None if labels is None else labels[:2]
    posterior, prior = model.posterior_distribution(images[:2], labels), model.prior_distribution()
    latents = np.random.default_rng(0).standard_normal([3, 1, 2, 3]).astype(np.float32)
    for distribution, batch in ((posterior, (2,)), (prior, ())):
        assert distribution.batch_shape == batch and distribution.event_shape == (3,)
        assert distribution.sample([3, 1], seed=[0, 1]).shape == (3, 1, *batch, 3)
        rows = [distribution.log_prob(row) for row in latents[:, 0]]
        np.testing.assert_allclose(distribution.log_prob(latents)[:, 0], rows, rtol=1e-4, atol=1e-4)
        one = latents[0, 0, 0]
        expected = distribution.log_prob(np.broadcast_to(one, [*batch, 3]))
        np.testing.assert_allclose(distribution.log_prob(one), expected, rtol=1e-4, atol=1e-4)


def test_seeds_change_what_is_drawn_and_nothing_else(each_vae):
    model, images, labels = each_vae
    one, same, other = (calls(model, images, labels, seed) for seed in (5, 5, 6))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
        drawn = name not in ("encode", "reconstruct") and not (name == "kl" and model.has_exact_kl)
        assert np.any(one[name] != other[name]) == drawn, name


def test_samples_of_the_posterior_are_spread_around_the_mean(trained_vae, clothes, compiled):
    model = trained_vae("plain")
    many = np.repeat(clothes[0][:1], 5000, axis=0)
    draws, posterior = model.encode(many, sample=True, seed=1), model.posterior_distribution(clothes[0][:1])
    mean, std = posterior.mean()[0], posterior.stddev()[0]
    np.testing.assert_allclose(model.encode(clothes[0][:1])[0], mean, rtol=1e-5)
    assert np.all(np.abs(np.mean(draws, axis=0) - mean) < 4.5 * std / math.sqrt(5000))
    np.testing.assert_allclose(np.std(draws, axis=0), std, rtol=0.06)


def test_a_decoded_image_is_the_mean_of_the_likelihood(each_vae):
    model, images, labels = each_vae
    z = model.encode(images, labels).numpy()
    decoded = model.decode(z, labels)
    assert decoded.dtype == tf.float32 and decoded.shape == images.shape
    likelihood = model.likelihood_distribution(z, labels).distribution
    mean = {
        "bernoulli": lambda: likelihood.mean(),
        "gaussian": lambda: np.clip(likelihood.mean(), 0, 1),
        "discretized_logistic": lambda: np.clip((likelihood.parameters["loc"] + 0.5) / 256, 0, 1),
    }[model.likelihood]()
    atol = 1e-5 if model.dtype_policy.name == "float32" else 0.02
    np.testing.assert_allclose(decoded, mean, atol=atol)
    np.testing.assert_allclose(model.reconstruct(images, labels), decoded, atol=atol)


def test_rows_of_a_sample_belong_to_the_seed_and_their_index(each_vae):
    model, _, labels = each_vae
    atol = 1e-5 if model.dtype_policy.name == "float32" else 0.02
    many = model.sample(16, seed=5, labels=labels)
    assert many.shape == (16, 8, 8, 1) and many.dtype == tf.float32
    assert np.min(many) >= 0 and np.max(many) <= 1
    np.testing.assert_allclose(model.sample(4, seed=5, labels=rows(labels, slice(4))), many[:4], atol=atol)
    chosen = model.sample(2, seed=[[5, 9], [5, 0]], labels=rows(labels, [9, 0]))
    np.testing.assert_allclose(chosen, many.numpy()[[9, 0]], atol=atol)
    assert len(np.unique(np.reshape(many, [16, -1]), axis=0)) > 1
    assert np.any(model.sample(16, seed=6, labels=labels) != many)


def test_samples_are_decoded_noise_times_the_temperature(trained_vae):
    model = trained_vae("plain")
    noise = seeds.normal(seeds.row_seeds(2, 16), (3,))
    for temperature in (1.0, 0.3):
        drawn = model.sample(16, seed=2, temperature=temperature)
        np.testing.assert_allclose(drawn, model.decode(temperature * noise), atol=1e-6)


def test_temperature_0_leaves_the_means_of_the_vampprior(trained_vae):
    model = trained_vae("vampprior")
    drawn = np.asarray(model.sample(64, seed=0, temperature=0))
    components = np.asarray(model.decode(model._prior._gaussians().mean()))
    distances = np.abs(drawn[:, None] - components).max(axis=(2, 3, 4))
    assert np.all(distances.min(axis=1) < 1e-5)
    assert len(set(distances.argmin(axis=1))) == 5


def test_interpolation_is_straight_in_latents(each_vae):
    model, images, labels = each_vae
    label = None if labels is None else labels[0]
    atol = 1e-5 if model.dtype_policy.name == "float32" else 0.03
    path = model.interpolate(images[0], images[1], steps=5, labels=label)
    ends = model.encode(images[:2], label).numpy()
    expected = model.decode(np.linspace(*ends, 5).astype(np.float32), label)
    np.testing.assert_allclose(path, expected, atol=atol)


def test_elbo_parts_and_units(each_vae):
    model, images, labels = each_vae
    reconstruction, kl = model.elbo_parts(images, seed=3, labels=labels)
    elbo = model.elbo(images, seed=3, labels=labels)
    np.testing.assert_allclose(reconstruction - kl, elbo, rtol=1e-5)
    np.testing.assert_array_equal(model.kl(images, seed=3, labels=labels), kl)
    # Keras's loss: the same in the model's unit, of seed 0.
    loss = model(images if labels is None else (images, labels))
    elbo = np.asarray(model.elbo(images, seed=0, labels=labels))
    tolerance = {"rtol": 1e-4} if model.dtype_policy.name == "float32" else {"rtol": 0.01}
    if model.likelihood == "discretized_logistic":
        np.testing.assert_allclose(loss, -elbo / (D * math.log(2)), **tolerance)
        np.testing.assert_allclose(model.bits_per_dim(images), loss, **tolerance)
        bound = -np.asarray(model.log_prob(images, importance_samples=7)) / (D * math.log(2))
        np.testing.assert_allclose(model.bits_per_dim(images, importance_samples=7), bound, **tolerance)
    else:
        np.testing.assert_allclose(loss, -elbo, **tolerance)


# What pixels are.


def test_bernoulli_scores_the_binarised_image(trained_vae, clothes):
    for name in ("plain", "iaf"):
        model, images = trained_vae(name), clothes[0][:8]
        white = binarize_once(tf.constant(images), seed=0).numpy()
        for same in (white, 255 * white.astype(np.uint8)):
            np.testing.assert_allclose(model.elbo(same), model.elbo(images), rtol=1e-5)
            np.testing.assert_allclose(model.encode(same), model.encode(images), atol=1e-5)


def test_dynamic_binarisation_is_drawn_in_every_step_and_static_once(vae, clothes):
    for binarization in ("dynamic", "static"):
        model = vae(binarization=binarization)
        model.encoder = lambda x, labels: tf.zeros([len(x), 6])  # so that only the pixels tell
        model.compile(optimizer=keras.optimizers.SGD(0.0))
        x = []
        data = model._likelihood.data
        model._likelihood.data = lambda *args: x.append(data(*args)) or x[-1]  # noqa: B023
        for step in (0, 1):
            model.optimizer.iterations.assign(step)
            model(clothes[0], training=True)
        changed = np.mean(x[0] != x[1])
        assert (0.05 < changed < 0.5) if binarization == "dynamic" else changed == 0


def test_gaussian_pixels_are_bin_centres_and_noisy_in_training(vae, clothes):
    likelihood = vae(likelihood="gaussian")._likelihood
    images = tf.constant(clothes[0])
    np.testing.assert_array_equal(likelihood.data(images), (clothes[0] + np.float32(0.5)) / 256)
    noise = tf.random.stateless_uniform(images.shape, [0, 0])
    np.testing.assert_allclose(likelihood.data(images, noise), (clothes[0] + noise.numpy()) / 256)
    grey = tf.constant(clothes[0] / np.float32(255))
    np.testing.assert_array_equal(likelihood.data(grey, noise), grey)


def test_8_bit_pixels_of_float_images_are_their_bins(vae):
    likelihood = vae(likelihood="discretized_logistic")._likelihood
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for same in (values, values / np.float32(255), (values + np.float32(0.5)) / 256):
        np.testing.assert_array_equal(likelihood.data(tf.constant(same)), values.astype(np.float32))


# On disk and on a server.


def assert_same(loaded, model, images, labels):
    """The same weights to the bit; what other traces make of them differs in the last ones."""
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    options = {"labels": labels} if model.num_classes else {}
    elbo = [np.asarray(each.elbo(images, seed=3, **options)) for each in (loaded, model)]
    bits = 1e-2 if model.dtype_policy.compute_dtype == "bfloat16" else 1e-5
    np.testing.assert_allclose(*elbo, rtol=bits)


def test_keras_files_and_presets_give_the_same_model(each_vae, tmp_path):
    model, images, labels = each_vae
    model.save(tmp_path / "model.keras")
    assert_same(keras.models.load_model(tmp_path / "model.keras"), model, images, labels)
    model.save_to_preset(tmp_path / "preset", metadata={"dataset": "clothes"})
    assert_same(zoo.load(tmp_path / "preset"), model, images, labels)
    information = zoo.info(tmp_path / "preset")
    assert information["family"] == "vae" and information["model"] == "VAE"


def test_a_config_goes_through_json_and_gives_the_same_model(vae):
    model = vae(
        likelihood="gaussian", posterior="coupling", prior="flow", beta=0.5, annealing_steps=7, free_bits=0.1,
        num_classes=3, seed=4, dtype="mixed_bfloat16", image_shape=(4, 8, 3), levels=1,
    )  # fmt: skip
    config = model.get_config()
    again = type(model).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a, b)  # the seed is in the config
    assert len({weight.path for weight in model.weights}) == len(model.weights)


@pytest.mark.parametrize("name", ["iaf", "vampprior", "conditional"])
def test_an_export_gives_what_the_model_does(compiled, trained_vae, clothes, tmp_path, name):
    model, (images, labels) = trained_vae(name), clothes
    images, labels = images[:5], tf.constant(labels[:5], tf.int32) if model.num_classes else None
    given = {} if labels is None else {"labels": labels}
    served = tf.saved_model.load(saved_model(model, tmp_path / name)).signatures
    assert {"sample", "elbo", "reconstruct", "encode", "decode", "serving_default"} <= set(served)
    pairs = seeds.row_seeds(3, 5)

    scores = served["elbo"](images=tf.constant(images), seed=pairs, **given)
    np.testing.assert_allclose(scores["elbo"], model.elbo(images, 3, labels), rtol=1e-4)
    np.testing.assert_allclose(scores["kl"], model.kl(images, 3, labels), rtol=1e-4, atol=1e-4)
    latents = served["encode"](images=tf.constant(images), **given)["latents"]
    np.testing.assert_allclose(latents, model.encode(images, labels), atol=1e-5)

    def levels(x):
        return np.floor(np.asarray(x) * 256).clip(0, 255)

    for drawn, expected in (
        (served["decode"](latents=latents, **given), model.decode(latents, labels)),
        (served["reconstruct"](images=tf.constant(images), **given), model.reconstruct(images, labels)),
        (
            served["sample"](seed=pairs, temperature=tf.fill([5], 0.7), **given),
            model.sample(5, seed=3, temperature=0.7, labels=labels),
        ),
    ):
        np.testing.assert_allclose(drawn["images"], levels(expected), atol=1)


# Errors.


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"image_shape": (8, 6, 1)},
            "image_shape is (8, 6, 1) with 2 levels, expected height and width to be multiples of 4.",
        ),
        ({"latent_dim": 0}, "latent_dim is 0, expected an integer of at least 1."),
        ({"depth": -1}, "depth is -1, expected an integer of at least 0."),
        ({"width": 0}, "width is 0, expected an integer of at least 1."),
        (
            {"likelihood": "bernouli"},
            "likelihood is 'bernouli', expected one of bernoulli, gaussian, discretized_logistic.",
        ),
        ({"binarization": "once"}, "binarization is 'once', expected one of dynamic, static."),
        ({"posterior": "maf"}, "posterior is 'maf', expected one of normal, iaf, coupling."),
        ({"prior": "vamp"}, "prior is 'vamp', expected one of normal, vampprior, flow."),
        ({"flow_depth": 0}, "flow_depth is 0, expected an integer of at least 1."),
        ({"components": 0}, "components is 0, expected an integer of at least 1."),
        ({"beta": -1.0}, "beta is -1.0, expected a finite number of at least 0."),
        ({"free_bits": math.nan}, "free_bits is nan, expected a finite number of at least 0."),
        ({"annealing_steps": 1.5}, "annealing_steps is 1.5, expected an integer of at least 0."),
        ({"seed": -1}, "seed is -1, expected an integer from 0 to 2147483647."),
        (
            {"prior": "vampprior", "posterior": "iaf"},
            "posterior is 'iaf', expected 'normal' with a VampPrior.",
        ),
        ({"prior": "vampprior", "num_classes": 2}, "num_classes is 2, expected 0 with a VampPrior."),
        ({"posterior": "coupling", "latent_dim": 1}, "latent_dim is 1, expected at least 2 for couplings."),
        ({"prior": "flow", "latent_dim": 1}, "latent_dim is 1, expected at least 2 for couplings."),
    ],
)
def test_bad_constructor_arguments(vae, arguments, message):
    assert text_of(vae, **arguments) == message


def test_bad_inputs(trained_vae, clothes):
    model, images = trained_vae("iaf"), clothes[0][:2]
    for method in (
        model.encode,
        model.reconstruct,
        model.elbo,
        model.kl,
        model.log_prob,
        model.posterior_distribution,
    ):
        message = "images has shape (2, 4, 4, 1), expected [N, 8, 8, 1]."
        assert text_of(method, images[:, :4, :4]) == message
        message = "images has dtype int64, expected uint8 in [0, 255] or float32 in [0, 1]."
        assert text_of(method, images.astype(np.int64)) == message
        assert "expected float32 in [0, 1] (or uint8" in text_of(method, images.astype(np.float32))
        labels = "labels were given, but tiny is unconditional: expected none."
        assert text_of(method, images, labels=[1, 2]) == labels
    assert text_of(model.decode, np.zeros([2, 4], np.float32)) == "latents has shape (2, 4), expected [N, 3]."
    assert text_of(model.sample, 0) == "num_samples is 0, expected an integer of at least 1."
    message = "temperature is -1, expected a finite number from 0 to 1e+06."
    assert text_of(model.sample, 2, temperature=-1) == message
    message = "importance_samples is 0, expected an integer of at least 1."
    assert text_of(model.log_prob, images, importance_samples=0) == message
    assert text_of(model.elbo, images, seed=[1, 2]) == "seed has shape (2,), expected () or (2, 2)."
    message = "steps is 1, expected an integer of at least 2."
    assert text_of(model.interpolate, images[0], images[1], steps=1) == message
    message = "image_b has shape (4, 8, 1), expected (8, 8, 1)."
    assert text_of(model.interpolate, images[0], images[1][:4], steps=2) == message
    assert text_of(model.bits_per_dim, images) == (
        "bits_per_dim needs the likelihood 'discretized_logistic', got 'bernoulli'."
    )
    assert text_of(model.kl_per_dimension, images) == (
        "kl_per_dimension needs a normal posterior and prior, got posterior 'iaf' and prior 'normal'."
    )
    conditional = trained_vae("conditional")
    assert text_of(conditional.elbo, images) == "labels are missing, expected 2 integers below 10."
    assert "expected integers in [0, 10)" in text_of(conditional.sample, 2, labels=[0, 10])
