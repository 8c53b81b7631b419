"""Masked autoregressive maps: what each output sees, TFP's own as a reference, and their cost."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import MaskedAutoregressive, autoregressive_masks

from ..jacobians import jacobian
from .measure import assert_close, fresh

tfb = tfp.bijectors


def masked_network(size, widths, seed=0):
    """A dense network of random weights, all of them far from zero where the masks let them be."""
    masks = autoregressive_masks(size, widths)
    kernels = [
        tf.random.stateless_normal(mask.shape, [seed, k], dtype=tf.float64) * mask
        for k, mask in enumerate(masks)
    ]

    def network(x):
        for kernel in kernels[:-1]:
            x = tf.math.softplus(tf.linalg.matvec(kernel, x, transpose_a=True))
        return tf.linalg.matvec(kernels[-1], x, transpose_a=True)

    return network


@pytest.mark.parametrize("widths", [(7,), (5, 9), (6, 8, 4)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_outputs_see_all_coordinates_before_them_and_no_other(size, widths):
    x = tf.random.stateless_normal([size], [1, 1], dtype=tf.float64)
    seen = jacobian(masked_network(size, widths), x) != 0
    before = np.tri(size, k=-1, dtype=bool)
    np.testing.assert_array_equal(seen, np.concatenate([before, before]))


def test_the_jacobian_is_triangular_and_its_diagonal_the_scale():
    x = tf.random.stateless_normal([5], [1, 1], dtype=tf.float64)
    network = masked_network(5, (8, 8))
    bijector = MaskedAutoregressive(network, scale=tf.tanh)
    forward = jacobian(bijector.forward, x)
    assert np.all(np.triu(forward, 1) == 0) and np.all(forward[np.tril_indices(5)] != 0)
    assert_close(np.diag(forward), np.exp(np.tanh(network(x)[:5])), rtol=1e-12)
    inverse = jacobian(bijector.inverse, bijector.forward(x))
    assert np.all(np.triu(inverse, 1) == 0)
    assert_close(inverse @ forward, np.eye(5), rtol=0, atol=1e-12)


def test_it_is_tfp_s_masked_autoregressive_flow_the_other_way():
    network = masked_network(5, (8,))

    def shift_and_log_scale(x):
        h, shift = tf.split(network(x), 2, axis=-1)
        return -shift * tf.exp(-tf.tanh(h)), -tf.tanh(h)

    ours = MaskedAutoregressive(network, scale=tf.tanh)
    theirs = tfb.Invert(tfb.MaskedAutoregressiveFlow(shift_and_log_scale))
    x = tf.random.stateless_normal([6, 5], [2, 2], dtype=tf.float64)
    assert_close(ours.forward(x), theirs.forward(fresh(x)), rtol=1e-12, atol=1e-13)
    assert_close(ours.inverse(x), theirs.inverse(fresh(x)), rtol=1e-12, atol=1e-13)
    log_dets = [b.forward_log_det_jacobian(fresh(x), 1) for b in (ours, theirs)]
    assert_close(*log_dets, rtol=1e-12)


def test_forward_runs_the_network_once_and_inverse_once_a_coordinate():
    runs = tf.Variable(0)
    network = masked_network(5, (8,))

    def counted(x):
        runs.assign_add(1)
        return network(x)

    x = tf.random.stateless_normal([3, 5], [2, 2], dtype=tf.float64)
    bijector = MaskedAutoregressive(counted)
    bijector.forward(x)
    bijector.forward_log_det_jacobian(x, 1)
    assert int(runs) == 1
    bijector.inverse(fresh(x))
    assert int(runs) == 1 + 5


def test_coordinates_not_yet_known_cannot_spoil_the_inverse():
    """Their preliminary values overflow; a mask of zeros would turn them into NaN."""
    size = 6
    network = masked_network(size, (8,))
    without_shift = lambda x: network(x) * ([300.0] * size + [0.0] * size)  # noqa: E731
    bijector = MaskedAutoregressive(without_shift, scale=lambda h: 700 * tf.tanh(h))
    x = tf.random.stateless_normal([size], [3, 3], dtype=tf.float64)
    assert_close(bijector.inverse(fresh(bijector.forward(x))), x, rtol=1e-9)


def test_errors():
    bijector = MaskedAutoregressive(tf.identity)
    with pytest.raises(ValueError) as error:
        bijector.forward(tf.zeros([4, 3]))
    assert str(error.value) == (
        "masked_autoregressive: the network gave shape (4, 3), expected (4, 6) for an input of shape (4, 3)."
    )
    with pytest.raises(ValueError) as error:
        bijector.inverse(tf.zeros([]))
    assert str(error.value) == (
        "masked_autoregressive: the input has shape (), expected at least 1 dimension."
    )
