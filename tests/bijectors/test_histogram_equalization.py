"""HistogramEqualization against numpy's histograms and interpolation."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.bijectors import HistogramEqualization

MASSES = np.array([0.5, 0.2, 0.05, 0.25])


def test_it_is_numpys_interpolation_between_the_edges_of_the_pieces():
    x = np.linspace(0, 1, 101)
    expected = np.interp(x, np.linspace(0, 1, 5), np.concatenate([[0], np.cumsum(MASSES)]))
    np.testing.assert_allclose(HistogramEqualization(MASSES).forward(x), expected, rtol=0, atol=1e-14)


def test_values_of_the_histogram_become_uniform():
    """And the log-determinant is the log-density of the histogram."""
    rng = np.random.default_rng(0)
    n = rng.choice(4, size=20_000, p=MASSES)
    equalize = HistogramEqualization(MASSES)
    x = tf.constant((n + rng.random(n.shape)) / 4)
    y = np.asarray(equalize.forward(x))
    counts, _ = np.histogram(y, bins=10, range=(0, 1))
    np.testing.assert_allclose(counts / n.size, 0.1, atol=4 * np.sqrt(0.09 / n.size))
    log_det = equalize.forward_log_det_jacobian(tf.identity(x), event_ndims=0)
    np.testing.assert_allclose(log_det, np.log(4 * MASSES[n]), rtol=0, atol=1e-14)


def test_the_ends_go_on_in_straight_lines():
    equalize = HistogramEqualization(MASSES)
    np.testing.assert_allclose(equalize.forward([-0.25, 1.25]), [-0.5, 1.25], rtol=1e-6)
    np.testing.assert_allclose(equalize.inverse(tf.constant([-0.5, 1.25], tf.float64)), [-0.25, 1.25])


def test_masses_of_images_are_their_histogram_nine_tenths_of_it():
    x = tf.constant([[0.1, 0.2, 0.3], [0.9, 0.95, 1.0]])
    expected = 0.9 * np.array([2, 1, 0, 3]) / 6 + 0.1 / 4
    np.testing.assert_allclose(HistogramEqualization.masses_of(x, 4), expected, rtol=1e-6)


def test_masses_of_a_wrong_rank():
    with pytest.raises(ValueError, match=r"masses has shape \(1, 4\), expected \[B\]."):
        HistogramEqualization(MASSES[None])
