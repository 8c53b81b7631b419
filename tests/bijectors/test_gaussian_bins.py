"""GaussianBins against scipy's truncated normal distribution."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from latentzoo.bijectors import GaussianBins
from latentzoo.bijectors.gaussian_bins import STD

END = 0.5 / STD
NOISE = stats.truncnorm(-END, END, loc=0.5, scale=STD)


@pytest.mark.parametrize("num_bits", [1, 5, 8])
def test_uniform_noise_becomes_truncated_gaussian_noise_of_known_density(num_bits):
    bins = GaussianBins(num_bits)
    n = np.arange(2**num_bits)[:, None]
    u = np.linspace(0.001, 0.999, 33)
    x = tf.constant((n + u) / 2**num_bits)
    v = bins.forward(x) * 2**num_bits - n
    np.testing.assert_allclose(v, np.broadcast_to(NOISE.ppf(u), v.shape), rtol=0, atol=1e-11)
    log_det = bins.forward_log_det_jacobian(tf.identity(x), event_ndims=0)
    np.testing.assert_allclose(log_det, -NOISE.logpdf(v), rtol=0, atol=1e-10)


def test_edges_and_centres_of_bins_stay():
    x = tf.constant(np.arange(-4, 520) / 512)
    np.testing.assert_allclose(GaussianBins().forward(x), x, rtol=0, atol=1e-15)


def test_a_constant_pixel_is_nearer_to_a_gaussian():
    """The figures of the docstring: bits between a bin's noise and the best Gaussian."""

    def bits(noise):
        return 0.5 * np.log2(2 * np.pi * np.e * noise.var()) - noise.entropy() / np.log(2)

    assert round(bits(stats.uniform()), 2) == 0.25
    assert round(bits(NOISE), 2) == 0.05


@pytest.mark.parametrize("num_bits", [0, 9, 2.5])
def test_num_bits_out_of_range(num_bits):
    with pytest.raises(ValueError, match=f"num_bits is {num_bits}, expected 1 to 8."):
        GaussianBins(num_bits)
