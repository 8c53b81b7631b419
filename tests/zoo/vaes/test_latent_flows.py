"""Flows on latents: densities, contexts, and the mixture of the VampPrior."""

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf

from latentzoo.zoo.networks.masked_dense_net import MaskedDenseNet
from latentzoo.zoo.vaes.latent_flows import AutoregressiveFlow, CouplingFlow

from ...jacobians import jacobian, jacobian_log_det

FLOWS = [AutoregressiveFlow, CouplingFlow]


@pytest.fixture(params=FLOWS)
def flow(request, shaken):
    return shaken(request.param(3, 2, depth=3, width=8, seed=0), size=0.2)


def context(n):
    return tf.random.stateless_normal([n, 2], [5, 5])


def context_of(i, n):
    """The context of row i, `n` times."""
    return tf.repeat(context(4)[i : i + 1], n, axis=0)


def test_round_trip_and_log_determinant(flow):
    x = tf.random.stateless_normal([4, 3], [1, 1])
    bijector = flow.bijector(context(4))
    y = bijector.forward(x)
    np.testing.assert_allclose(bijector.inverse(tf.identity(y)), x, atol=1e-5)
    expected = [
        jacobian_log_det(lambda rows, i=i: flow.bijector(context_of(i, len(rows))).forward(rows), x[i])
        for i in range(4)
    ]
    np.testing.assert_allclose(bijector.forward_log_det_jacobian(x, 1), expected, atol=1e-5)


def test_every_coordinate_moves_every_other_somewhere(flow):
    """The order changes between the maps, so none is left out."""
    x = tf.random.stateless_normal([3], [1, 1])
    assert np.all(jacobian(lambda rows: flow.bijector(context_of(0, len(rows))).forward(rows), x) != 0)


def test_the_context_matters_and_each_row_has_its_own(flow):
    x = tf.random.stateless_normal([4, 3], [1, 1])
    y = flow.bijector(context(4)).forward(x)
    swapped = flow.bijector(context(4)[::-1]).forward(x[::-1])
    np.testing.assert_allclose(swapped[::-1], y, atol=1e-6)
    other = flow.bijector(context(4) + 1).forward(x)
    assert np.all(np.abs(other - y).max(axis=1) > 1e-3)


def test_masked_network_sees_only_what_comes_before_whatever_its_weights(shaken):
    network = shaken(MaskedDenseNet(4, 2, 9, seed=0), size=1.0)
    x = tf.random.stateless_normal([4], [1, 1])
    seen = jacobian(lambda rows: network(rows, context_of(0, len(rows))), x) != 0
    assert not np.any(seen & ~np.tile(np.tri(4, k=-1, dtype=bool), [2, 1]))
    assert np.any(seen[1:4]) and np.any(seen[5:])


def test_the_flow_prior_integrates_to_1(vae, shaken):
    model = shaken(vae(prior="flow", latent_dim=2), size=0.15)
    grid = np.linspace(-12, 12, 241, dtype=np.float32)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    density = np.asarray(model.prior_distribution().prob(points)).reshape(241, 241)
    total = scipy.integrate.trapezoid(scipy.integrate.trapezoid(density, grid), grid)
    assert total == pytest.approx(1, abs=1e-3)


def test_the_vampprior_is_the_mean_of_the_posteriors_of_its_pseudo_inputs(trained_vae):
    model = trained_vae("vampprior")
    pseudo = 1 / (1 + np.exp(-model._prior.pseudo_logits.numpy()))
    parameters = model.encoder(2 * pseudo - 1).numpy().astype(np.float64)
    means, stds = parameters[:, :3], np.exp(parameters[:, 3:] / 2)
    z = np.random.default_rng(0).standard_normal([6, 3])
    log_q = scipy.stats.norm(means, stds).logpdf(z[:, None]).sum(axis=-1)
    expected = scipy.special.logsumexp(log_q, axis=1) - np.log(5)
    np.testing.assert_allclose(model.prior_distribution().log_prob(z.astype(np.float32)), expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["vampprior", "coupling"])
def test_draws_of_a_prior_have_its_density(trained_vae, name):
    """E[log p] over the draws that `sample` is made of, and over TFP's own."""
    model = trained_vae(name)
    noise = tf.random.stateless_normal([20_000, model._prior.noise_size], [1, 1])
    ours = model._prior.latents(noise, 1.0)
    theirs = model.prior_distribution().sample(20_000, seed=[2, 2])
    for statistic in (model.prior_distribution().log_prob, lambda z: z[:, 0], lambda z: z[:, 1] ** 2):
        a, b = (np.asarray(statistic(tf.identity(z)), np.float64) for z in (ours, theirs))
        error = np.sqrt((a.var() + b.var()) / 20_000)
        assert abs(a.mean() - b.mean()) < 4 * error


def test_pseudo_inputs_start_from_training_images_and_differ(vae, clothes):
    model = vae(prior="vampprior", components=100)  # more than there are images
    model.initialize(clothes[0])
    pseudo = 1 / (1 + np.exp(-model._prior.pseudo_logits.numpy()))
    expected = np.resize(clothes[0], [100, 8, 8, 1]) / 256
    assert np.abs(pseudo - expected).mean() < 0.05
    assert len(np.unique(pseudo.reshape(100, -1), axis=0)) == 100
