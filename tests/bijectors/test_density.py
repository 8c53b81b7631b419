"""A flow's density in two dimensions integrates to one."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import Repeat

from .cases import actnorm, additive_coupling, affine_coupling, glow_step, stacked
from .measure import assert_close

tfb, tfd = tfp.bijectors, tfp.distributions


def grid(reach=12.0, points=801):
    axis = np.linspace(-reach, reach, points)
    cell = (axis[1] - axis[0]) ** 2
    return np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2), cell


def distribution(bijector):
    base = tfd.Sample(tfd.Normal(tf.zeros([], tf.float64), 1), [2])
    return tfd.TransformedDistribution(base, tfb.Invert(bijector))


@pytest.mark.parametrize("scale", ["sigmoid", "tanh"])
@pytest.mark.parametrize("reversible", [False, True], ids=["stored", "reversible"])
def test_the_density_of_couplings_actnorm_and_linear_maps_integrates_to_one(scale, reversible):
    parameters, step = stacked(glow_step(affine_coupling(scale=scale)), (2,), num_steps=3)
    flow = Repeat(step, parameters, 1, reversible)
    points, cell = grid()
    density = np.exp(distribution(flow).log_prob(points))
    assert_close(density.sum() * cell, 1.0, rtol=1e-6)


def test_the_mean_of_samples_is_the_mean_of_the_density():
    parameters, step = stacked(glow_step(additive_coupling()), (2,), num_steps=2)
    flow = distribution(Repeat(step, parameters, 1))
    points, cell = grid()
    weights = np.exp(flow.log_prob(points)) * cell
    samples = flow.sample(20_000, seed=[0, 0]).numpy()
    standard_error = samples.std(0) / np.sqrt(len(samples))
    assert np.all(np.abs(samples.mean(0) - weights @ points) < 4 * standard_error)


def test_actnorm_of_a_normal_is_the_normal_it_says():
    parameters, build = actnorm((2,))
    scale, shift = np.exp(parameters["log_scale"]), parameters["shift"].numpy()
    expected = tfd.MultivariateNormalDiag(-shift / scale, 1 / scale)
    points = grid(points=11)[0]
    log_prob = distribution(build(parameters)).log_prob(points)
    assert_close(log_prob, expected.log_prob(points), rtol=1e-12)
