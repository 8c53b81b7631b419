"""The numbers are what they say: divergences against Monte Carlo, bounds against a known likelihood."""

import math

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from latentzoo.zoo import seeds
from latentzoo.zoo.vaes import VAE
from latentzoo.zoo.vaes.binarization import binarize_once

pytestmark = pytest.mark.usefixtures("eagerly")

SHAPE, D, LATENTS = (4, 4, 1), 16, 2
SIGMA = 0.1


def data_of(model, images):
    """The values that a model's likelihood is of, by hand."""
    if model.likelihood == "bernoulli":
        return binarize_once(tf.constant(images), seed=0).numpy()
    x = (images + 0.5) / 256 if model.likelihood == "gaussian" else images
    return x.astype(np.float32)


def log_weights(model, images, labels, noise):
    """log p(x, z) / q(z | x) `[N, K]` of noise `[N, K, D]`, all through the public TFP distributions."""
    count = noise.shape[1]
    images = np.repeat(images, count, axis=0)
    labels = None if labels is None else np.repeat(labels, count)
    noise = tf.constant(noise.reshape(-1, 3))
    posterior = model.posterior_distribution(images, labels)
    if hasattr(posterior, "bijector"):
        z = posterior.bijector.forward(noise)
    else:
        z = posterior.mean() + posterior.stddev() * noise
    z = tf.constant(z.numpy())  # TFP's cache does not know it: q(z | x) is found by inversion
    log_p = model.likelihood_distribution(z, labels).log_prob(
        data_of(model, images)
    ) + model.prior_distribution().log_prob(z)
    return np.asarray(log_p - posterior.log_prob(z), np.float64).reshape(-1, count)


def test_the_elbo_and_the_importance_weighted_bound_by_hand(each_vae):
    model, images, labels = each_vae
    images, labels = images[:4], None if labels is None else labels[:4]
    rows = seeds.row_seeds(7, 4)
    loose = {"rtol": 1e-4, "atol": 1e-3} if model.dtype_policy.name == "float32" else {"atol": 1.5}

    noise = np.asarray(seeds.normal(rows, (3,)))[:, None]
    by_hand = log_weights(model, images, labels, noise)[:, 0]
    elbo = model.elbo(images, seed=7, labels=labels)
    if model.has_exact_kl:  # by_hand has the sampled divergence, the ELBO the exact one
        z = model.encode(images, labels, sample=True, seed=7)
        sampled = model.posterior_distribution(images).log_prob(z) - model.prior_distribution().log_prob(z)
        by_hand = by_hand + sampled - model.kl(images)
    np.testing.assert_allclose(elbo, by_hand, **loose)

    # 60 samples: more than one chunk of 50, and the last one is not full.
    noise = np.concatenate([seeds.normal(seeds.fold(rows, k), (50, 3)) for k in (0, 1)], axis=1)[:, :60]
    by_hand = log_weights(model, images, labels, noise)
    expected = scipy.special.logsumexp(by_hand, axis=1) - math.log(60)
    bound = model.log_prob(images, importance_samples=60, seed=7, labels=labels)
    np.testing.assert_allclose(bound, expected, **loose)


def test_the_exact_divergence_is_that_of_monte_carlo(trained_vae, clothes):
    model, images = trained_vae("plain"), clothes[0][:4]
    posterior, prior = model.posterior_distribution(images), model.prior_distribution()
    z = posterior.sample(40_000, seed=[1, 2])
    log_ratios = np.asarray(posterior.distribution.log_prob(z) - prior.distribution.log_prob(z), np.float64)
    mean, error = log_ratios.mean(axis=0), log_ratios.std(axis=0) / 200
    per_dimension = np.asarray(model.kl_per_dimension(images))
    assert np.all(np.abs(per_dimension - mean) < 4.5 * error)
    np.testing.assert_allclose(model.kl(images), per_dimension.sum(axis=1), rtol=1e-5)
    # The formula, from mean and standard deviation.
    mu, sigma = (np.asarray(x, np.float64) for x in (posterior.mean(), posterior.stddev()))
    expected = 0.5 * (mu**2 + sigma**2 - 1 - 2 * np.log(sigma))
    np.testing.assert_allclose(per_dimension, expected, rtol=1e-4, atol=1e-5)
    assert np.all(per_dimension >= 0)


@pytest.mark.parametrize("name", ["plain", "iaf", "coupling", "vampprior"])
def test_more_samples_give_a_higher_bound(trained_vae, clothes, name, compiled):
    model, images = trained_vae(name), clothes[0]
    bounds = [
        np.asarray(bound, np.float64)
        for bound in (
            np.mean([model.elbo(images, seed=seed) for seed in range(16)], axis=0),
            np.mean([model.log_prob(images, importance_samples=10, seed=seed) for seed in (1, 2, 3)], axis=0),
            model.log_prob(images, importance_samples=500, seed=4),
        )
    ]
    for lower, higher in zip(bounds, bounds[1:], strict=False):
        gap = higher - lower
        assert gap.mean() > -3 * gap.std() / 8
    total = bounds[-1] - bounds[0]
    assert total.mean() > 3 * total.std() / 8  # that the test can tell at all


# A linear Gaussian model: x = W z + b + sigma noise, so p(x) = N(b, W W^T + sigma^2) is known.


class Linear(keras.layers.Layer):
    def __init__(self, size_in, shape_out, **kwargs):
        super().__init__(**kwargs)
        self.shape_out = shape_out
        size_out = math.prod(shape_out)
        self.kernel = self.add_weight(shape=(size_in, size_out), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(size_out,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x, labels=None):
        return tf.reshape(self.as_vector(x) @ self.kernel + self.bias, [-1, *self.shape_out])

    def as_vector(self, x):
        return tf.reshape(x, [-1, self.kernel.shape[0]])


class LinearVAE(VAE):
    def _make_encoder(self, size_out):
        return Linear(D, (size_out,), name="encoder")

    def _make_decoder(self, channels_out):
        return Linear(LATENTS, SHAPE, name="decoder")


@pytest.fixture(scope="module")
def linear():
    """(model with the exact posterior, W, b, images)."""
    rng = np.random.default_rng(0)
    # Orthogonal columns, so that the posterior's covariance is diagonal.
    columns = np.linalg.qr(rng.standard_normal([D, LATENTS]))[0] * [0.3, 0.15]
    b = rng.uniform(0.4, 0.6, D)
    model = LinearVAE(image_shape=SHAPE, latent_dim=LATENTS, levels=1, likelihood="gaussian")
    model._likelihood.log_scale.assign(math.log(SIGMA))
    model.decoder.kernel.assign(columns.T)
    model.decoder.bias.assign(b - 0.5)
    set_posterior(model, columns, b)
    images = b + rng.standard_normal([8, LATENTS]) @ columns.T + SIGMA * rng.standard_normal([8, D])
    return model, columns, b, images.clip(0, 1).astype(np.float32).reshape(8, *SHAPE)


def posterior_covariance(columns):
    return 1 / (1 + (columns**2).sum(axis=0) / SIGMA**2)


def set_posterior(model, columns, b, shift=0.0, spread=1.0):
    """The encoder of the exact posterior, with its means moved and its deviations multiplied."""
    covariance = posterior_covariance(columns)
    means = columns * covariance / SIGMA**2
    kernel = np.concatenate([means / 2, np.zeros([D, LATENTS])], axis=1)  # it sees 2 x - 1
    log_variances = np.log(covariance) + 2 * math.log(spread)
    bias = np.concatenate([(0.5 - b) @ means + shift, log_variances])
    model.encoder.kernel.assign(kernel)
    model.encoder.bias.assign(bias)


def exact_log_prob(columns, b, images):
    p = scipy.stats.multivariate_normal(b, columns @ columns.T + SIGMA**2 * np.eye(D))
    return p.logpdf(images.reshape(-1, D).astype(np.float64))


def test_at_the_exact_posterior_every_weight_is_the_likelihood(linear, compiled):
    model, columns, b, images = linear
    set_posterior(model, columns, b)
    exact = exact_log_prob(columns, b, images)
    for k in (1, 7, 200):
        bound = model.log_prob(images, importance_samples=k, seed=k)
        np.testing.assert_allclose(bound, exact, atol=2e-4)


def test_at_the_exact_posterior_the_elbo_is_the_likelihood(linear, compiled):
    model, columns, b, images = linear
    set_posterior(model, columns, b)
    for image, exact in zip(images[:3], exact_log_prob(columns, b, images), strict=False):
        draws = np.asarray(model.elbo(np.repeat(image[None], 20_000, axis=0), seed=3), np.float64)
        assert abs(draws.mean() - exact) < 4 * draws.std() / math.sqrt(20_000)


def test_at_another_posterior_the_elbo_is_lower_by_the_divergence(linear, compiled):
    """log p(x) - ELBO = KL(q || exact posterior)."""
    model, columns, b, images = linear
    shift, spread = 0.1, 1.3
    set_posterior(model, columns, b, shift, spread)
    covariance = posterior_covariance(columns)
    divergence = 0.5 * np.sum(shift**2 / covariance + spread**2 - 1 - 2 * math.log(spread))
    assert divergence > 0.2
    for image, exact in zip(images[:3], exact_log_prob(columns, b, images), strict=False):
        draws = np.asarray(model.elbo(np.repeat(image[None], 20_000, axis=0), seed=4), np.float64)
        assert abs(draws.mean() - (exact - divergence)) < 4 * draws.std() / math.sqrt(20_000)


def test_5000_samples_come_within_a_hundredth_of_a_nat(linear, compiled):
    model, columns, b, images = linear
    set_posterior(model, columns, b, shift=0.02, spread=1.1)
    bound = model.log_prob(images, importance_samples=5000, seed=0)
    np.testing.assert_allclose(bound, exact_log_prob(columns, b, images), atol=0.01)


def test_training_a_linear_model_finds_its_likelihood(compiled):
    """Probabilistic PCA: the best ELBO of a linear model is the best likelihood, known in closed form."""
    rng = np.random.default_rng(1)
    columns = np.linalg.qr(rng.standard_normal([D, LATENTS]))[0] * [0.3, 0.15]
    x = 0.5 + rng.standard_normal([512, LATENTS]) @ columns.T + SIGMA * rng.standard_normal([512, D])
    x = x.clip(0, 1).astype(np.float32)
    values = np.linalg.eigvalsh(np.cov(x.T, ddof=0).astype(np.float64))[::-1]
    noise = values[LATENTS:].mean()
    log_det = np.log(values[:LATENTS]).sum() + (D - LATENTS) * math.log(noise)
    best = -0.5 * (D * math.log(2 * math.pi) + log_det + D)  # Tipping & Bishop 1999
    model = LinearVAE(image_shape=SHAPE, latent_dim=LATENTS, levels=1, likelihood="gaussian")
    for layer in (model.encoder, model.decoder):
        layer.kernel.assign(0.1 * rng.standard_normal(layer.kernel.shape))
    schedule = keras.optimizers.schedules.CosineDecay(0.03, 1000)
    model.compile(optimizer=keras.optimizers.Adam(schedule), jit_compile=False, steps_per_execution=100)
    data = tf.data.Dataset.from_tensor_slices(x.reshape(-1, *SHAPE)).batch(128).repeat()
    model.fit(data, steps_per_epoch=1000, shuffle=False, verbose=0)
    reached = np.mean(model.log_prob(x.reshape(-1, *SHAPE), importance_samples=200))
    assert best - 0.1 < reached < best + 0.01
