"""Metrics of VAEs: means over examples, protocols, independence of the batch size, collapse."""

import numpy as np
import pytest

from latentzoo import metrics
from latentzoo.zoo.vaes import VAE
from latentzoo.zoo.vaes.posterior_collapse import describe_collapse

TINY = {"image_shape": (4, 4, 1), "latent_dim": 3, "levels": 1, "depth": 0, "width": 4}


@pytest.fixture(scope="module")
def model():
    vae = VAE(likelihood="discretized_logistic", **TINY)
    rng = np.random.default_rng(0)
    for weight in vae.trainable_variables:
        weight.assign(weight + 0.1 * rng.standard_normal(weight.shape))
    return vae


@pytest.fixture
def pixels(images):
    return (images * 255).astype(np.uint8)


def entries(model, data, **options):
    names = ["elbo", "reconstruction", "kl", "bits_per_dim", "importance_weighted"]
    options = {"importance_samples": 3, "verbose": False, **options}
    return {entry["name"]: entry for entry in metrics.evaluate(model, data, names=names, **options)}


def test_metrics_are_means_of_what_the_model_says_of_each_image(model, pixels):
    found = entries(model, pixels, seed=2)
    reconstruction, kl = (np.asarray(part, np.float64) for part in model.elbo_parts(pixels, seed=2))
    expected = {
        "elbo": reconstruction - kl,
        "reconstruction": reconstruction,
        "kl": kl,
        "bits_per_dim": np.asarray(model.bits_per_dim(pixels, seed=2, importance_samples=3), np.float64),
        "importance_weighted": np.asarray(model.log_prob(pixels, importance_samples=3, seed=2), np.float64),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name]["value"], values.mean(), rtol=1e-5)
        np.testing.assert_allclose(found[name]["standard_error"], values.std(ddof=1) / 8, rtol=1e-3)
        assert found[name]["num_examples"] == 64


def test_the_batch_size_does_not_matter(model, pixels):
    expected = entries(model, pixels[:9], batch_size=1000)
    for batch_size in (1, 7):
        for name, entry in entries(model, pixels[:9], batch_size=batch_size).items():
            np.testing.assert_allclose(entry["value"], expected[name]["value"], rtol=1e-5)


def test_protocols_name_likelihood_binarisation_k_and_seed(model, pixels):
    found = entries(model, pixels[:4], seed=3)
    pixel = "discretised logistic of 8-bit pixels, no dequantisation"
    assert found["elbo"]["protocol"] == f"{pixel}; 1 sample, noise seed 3"
    assert found["importance_weighted"]["protocol"] == f"{pixel}; bound of k = 3 samples, noise seed 3"
    assert found["bits_per_dim"]["protocol"] == f"{pixel}; bound of k = 3 samples, noise seed 3"
    (entry,) = metrics.evaluate(model, pixels[:4], verbose=False)
    assert entry["name"] == "bits_per_dim"
    assert entry["protocol"] == f"{pixel}; ELBO, 1 sample, noise seed 0"
    static = VAE(binarization="static", **TINY)
    (entry,) = metrics.evaluate(static, pixels[:4], verbose=False)
    assert entry["name"] == "elbo" and entry["unit"] == "nats"
    assert entry["protocol"] == (
        "Bernoulli, static binarisation; each scored image binarised once, seed 0; 1 sample, noise seed 0"
    )


def test_active_units_are_those_whose_means_move(pixels):
    model = VAE(**TINY)
    last = model.encoder.last
    kernel, bias = np.zeros(last.kernel.shape, np.float32), np.zeros(6, np.float32)
    kernel[:, 0] = np.random.default_rng(0).standard_normal(len(kernel))
    bias[1] = 5.0  # a mean far from 0, but the same for every image
    last.kernel.assign(kernel)
    last.bias.assign(bias)
    (entry,) = metrics.evaluate(model, pixels, names=["active_units"], verbose=False)
    assert entry["value"] == 1 and entry["unit"] == "of 3 dimensions" and entry["num_examples"] == 64
    np.testing.assert_allclose(entry["variances"], np.var(model.encode(pixels), axis=0), rtol=1e-4)
    np.testing.assert_allclose(entry["kl_per_dimension"][1:], [12.5, 0], atol=1e-5)
    assert describe_collapse(entry["variances"]) is None
    last.kernel.assign(0 * kernel)
    (entry,) = metrics.evaluate(model, pixels, names=["active_units"], verbose=False)
    assert entry["value"] == 0
    assert describe_collapse(entry["variances"]).startswith(
        "posterior collapse: 0 of 3 latent dimensions are active;"
    )


def test_divergences_by_dimension_are_not_told_of_flows(pixels):
    model = VAE(posterior="iaf", flow_width=4, **TINY)
    (entry,) = metrics.evaluate(model, pixels[:4], names=["active_units"], verbose=False)
    assert "kl_per_dimension" not in entry


def test_metrics_of_other_models_are_refused(model, pixel_flow, pixels):
    with pytest.raises(ValueError) as error:
        metrics.evaluate(pixel_flow(), pixels, names=["elbo"], verbose=False)
    known = sorted(metrics.names_for(pixel_flow()))
    assert "elbo" not in known
    assert str(error.value) == f"names: got 'elbo', expected any of {known}."
    with pytest.raises(ValueError) as error:
        metrics.evaluate(model, pixels, names=["log_prob"], verbose=False)
    known = set(metrics.names_for(model))
    assert {"active_units", "bits_per_dim", "elbo", "importance_weighted", "kl", "reconstruction"} < known
    assert "log_prob" not in known
    assert str(error.value) == f"names: got 'log_prob', expected any of {sorted(known)}."
    with pytest.raises(ValueError) as error:
        metrics.evaluate(model, pixels, importance_samples=0, verbose=False)
    assert str(error.value) == "importance_samples: got 0, expected at least 1."
