"""The discretised logistic is a distribution of 256 values, exact where probabilities vanish."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.zoo.vaes.discretized_logistic import DiscretizedLogistic

tfd = tfp.distributions

VALUES = tf.range(256.0, dtype=tf.float64)


@pytest.mark.parametrize("loc", [-300.0, -0.7, 0.0, 100.3, 255.0, 400.0])
@pytest.mark.parametrize("log_scale", [-2.5, 0.0, 3.0, 7.0])
def test_probabilities_sum_to_1_and_are_those_of_tfp(loc, log_scale):
    loc, log_scale = tf.constant(loc, tf.float64), tf.constant(log_scale, tf.float64)
    probabilities = DiscretizedLogistic(loc, log_scale).prob(VALUES)
    assert float(tf.reduce_sum(probabilities)) == pytest.approx(1, abs=1e-12)
    # TFP rounds up.
    rounded = tfd.QuantizedDistribution(tfd.Logistic(loc - 0.5, tf.exp(log_scale)), low=0.0, high=255.0)
    np.testing.assert_allclose(probabilities, rounded.prob(VALUES), rtol=1e-9, atol=1e-16)


def test_log_probabilities_and_gradients_are_finite_far_out_in_float32():
    loc = tf.constant([-1e4, 0.0, 128.0, 255.0, 1e4])[:, None, None]
    log_scale = tf.constant([-2.5, 0.0, 10.0])[:, None]
    with tf.GradientTape() as tape:
        tape.watch([loc, log_scale])
        log_probs = DiscretizedLogistic(loc, log_scale).log_prob(tf.range(256.0))
    assert log_probs.shape == (5, 3, 256) and np.isfinite(log_probs).all()
    assert np.max(log_probs) <= 0
    for gradient in tape.gradient(log_probs, [loc, log_scale]):
        assert np.isfinite(gradient).all()


def test_float32_agrees_with_float64():
    loc, log_scale = np.array([3.2, 250.0])[:, None], np.array([[-2.0], [4.0]])
    single = DiscretizedLogistic(loc.astype(np.float32), log_scale.astype(np.float32))
    double = DiscretizedLogistic(loc, log_scale)
    close = {"rtol": 2e-5, "atol": 1e-5}
    np.testing.assert_allclose(single.log_prob(tf.range(256.0)), double.log_prob(VALUES), **close)


def test_draws_have_its_frequencies():
    distribution = DiscretizedLogistic(tf.constant(1.3), tf.constant(0.2))
    draws = distribution.sample(20000, seed=[1, 2]).numpy()
    assert draws.min() == 0
    for value in range(6):
        p = float(distribution.prob(float(value)))
        assert abs(np.mean(draws == value) - p) < 4 * np.sqrt(p * (1 - p) / 20000)
