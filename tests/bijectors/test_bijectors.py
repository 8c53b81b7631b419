"""What holds for every bijector of the table: inverse, log-determinant, batches, stock TFP around it."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import has_estimated_log_det, has_value_only, inverse_tolerance, mean_log_det

from ..jacobians import jacobian_log_dets
from .cases import CASES
from .measure import assert_close, fresh, latents, log_dets, passes

tfb, tfd = tfp.bijectors, tfp.distributions

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

# The largest error of a round trip, relative to the largest value on the way.
ROUND_TRIP = {tf.float32: 1e-5, tf.float64: 2e-14}


@pytest.mark.parametrize("dtype", ROUND_TRIP, ids=lambda dtype: dtype.name)
def test_inverse_undoes_forward_and_forward_undoes_inverse(case, dtype):
    bijector = case.build(case.parameters(dtype))

    def assert_undone(start, way, back):
        assert way.dtype == back.dtype == dtype
        largest = max(1, *(float(tf.reduce_max(tf.abs(value))) for value in (start, way)))
        tolerance = max(ROUND_TRIP[dtype] * largest, 2 * inverse_tolerance(bijector))
        assert_close(back, start, rtol=0, atol=tolerance)

    x = case.inputs([7], dtype)
    y = bijector.forward(x)
    assert_undone(x, y, bijector.inverse(fresh(y)))

    z = tf.cast(latents(case, [7]), dtype)
    x = bijector.inverse(z)
    assert_undone(z, x, bijector.forward(fresh(x)))


def test_log_determinants_are_those_of_the_jacobian(case):
    x, z = case.inputs([2]), latents(case, [2])
    bijector = case.build(case.parameters())
    forward, inverse = (
        jacobian_log_dets(bijector.forward, x),
        jacobian_log_dets(bijector.inverse, z),
    )
    if case.estimated_log_det:
        assert_unbiased(case, x, forward)
        assert_unbiased(case, bijector.inverse(z), -inverse)
        return
    out = passes(bijector, x, z, case.event_ndims)
    assert_close(tf.broadcast_to(out["forward_log_det"], [2]), forward, rtol=0, atol=1e-11)
    assert_close(tf.broadcast_to(out["inverse_log_det"], [2]), inverse, rtol=0, atol=1e-11)


def assert_unbiased(case, x, expected):
    @tf.function(autograph=False)
    def estimates(seeds):
        def build(seed):
            parameters = case.parameters()
            return case.build(parameters | {"seed": parameters["seed"] + seed})

        return mean_log_det(build, x, case.event_ndims, seeds)

    mean, standard_error = estimates(tf.stack([tf.range(400)] * 2, axis=1))
    assert np.all(np.abs(mean - expected) < 4 * standard_error), (mean, standard_error, expected)
    assert np.all(standard_error < 0.1)


def test_declarations_are_read_through_stock_bijectors_around(case):
    bare = case.build(case.parameters())
    for bijector in (bare, tfb.Chain([tfb.Invert(tfb.Chain([tfb.Exp(), bare])), tfb.Exp()])):
        assert inverse_tolerance(bijector) == case.inverse_tolerance
        assert has_estimated_log_det(bijector) == case.estimated_log_det
        assert has_value_only(bijector) == case.value_only


@pytest.mark.parametrize("batch_shape", [[], [2, 3]], ids=str)
def test_each_event_of_a_batch_is_mapped_as_if_alone(case, batch_shape):
    count = math.prod(batch_shape)
    xs, zs = case.inputs([count]), latents(case, [count])
    x = tf.reshape(xs, [*batch_shape, *xs.shape[1:]])
    z = tf.reshape(zs, [*batch_shape, *zs.shape[1:]])
    bijector = case.build(case.parameters())
    out = passes(bijector, x, z, case.event_ndims)
    assert out["forward"].shape == z.shape
    assert out["inverse"].shape == x.shape
    for i in {0, count - 1}:
        alone = passes(bijector, fresh(xs[i]), fresh(zs[i]), case.event_ndims)
        for name, value in out.items():
            if name.endswith("log_det"):  # a constant one may come without the batch shape
                value = tf.broadcast_to(value, batch_shape)
            value = tf.reshape(value, [count, *alone[name].shape])
            assert_close(value[i], alone[name], rtol=1e-12, atol=1e-13)


def test_event_shapes_are_told_without_a_tensor(case):
    x, y = case.inputs(), latents(case)
    bijector = case.build(case.parameters())
    assert bijector.forward_event_shape(x.shape) == y.shape == bijector.forward(x).shape
    assert bijector.inverse_event_shape(y.shape) == x.shape
    assert_close(bijector.forward_event_shape_tensor(tf.shape(x)), tf.shape(y), rtol=0)
    assert_close(bijector.inverse_event_shape_tensor(tf.shape(y)), tf.shape(x), rtol=0)


def test_density_is_base_density_plus_log_determinants_inside_stock_tfp(case):
    """Chain, Invert and TransformedDistribution, with a stock bijector beside ours, by hand."""
    half = tf.constant(0.5, tf.float64)
    bijector = case.build(case.parameters())
    chain = tfb.Chain([bijector, tfb.Scale(half)])
    base = tfd.Sample(tfd.Normal(tf.zeros([], tf.float64), 1), latents(case).shape)
    distribution = tfd.TransformedDistribution(base, tfb.Invert(chain))
    assert distribution.event_shape == case.event_shape

    x = case.inputs([3])
    z = np.reshape(bijector.forward(half * x), [3, -1])
    by_hand = (
        np.sum(-0.5 * z**2 - 0.5 * math.log(2 * math.pi), axis=-1)
        + log_dets(case, bijector, half * x)
        + case.event_size * math.log(0.5)
    )
    assert_close(distribution.log_prob(x), by_hand, rtol=1e-10)

    samples, log_prob = distribution.experimental_sample_and_log_prob(3, seed=[1, 2])
    assert_close(distribution.log_prob(fresh(samples)), log_prob, rtol=1e-10)
    # That the samples are those of the base, carried over.
    expected = base.experimental_sample_and_log_prob(3, seed=[1, 2])[0]
    assert_close(chain.forward(fresh(samples)), expected, rtol=0, atol=1e-11)
