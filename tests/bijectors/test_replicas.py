"""Under a MirroredStrategy of two logical CPUs."""

import pytest
import tensorflow as tf

from .cases import DISTINCT
from .measure import arguments, assert_close, eager, value_and_gradients

pytestmark = pytest.mark.parametrize("case", DISTINCT, ids=lambda case: case.name)


def test_two_replicas_give_the_values_and_gradients_of_one_device(case, mirrored_strategy):
    values, x, z = arguments(case)
    expected, expected_gradients = eager(case)
    with mirrored_strategy.scope():
        parameters = {name: tf.Variable(value) for name, value in values.items()}

    def own_half(value):
        return mirrored_strategy.experimental_distribute_values_from_function(
            lambda context: tf.split(value, 2)[context.replica_id_in_sync_group]
        )

    @tf.function(autograph=False)
    def run(x, z):
        return mirrored_strategy.run(lambda x, z: value_and_gradients(case, parameters, x, z), (x, z))

    outs, gradients = run(own_half(x), own_half(z))
    both = mirrored_strategy.experimental_local_results

    for name, value in expected.items():
        if value.shape.rank == 0:  # the log-determinant of a constant Jacobian
            assert_close(both(outs[name]), (value, value), rtol=1e-11)
        else:
            assert_close(tf.concat(both(outs[name]), 0), value, rtol=1e-11, atol=1e-12)
    for name, gradient in expected_gradients.items():
        parts = both(gradients[name])
        whole = tf.concat(parts, 0) if name in ("x", "z") else tf.add_n(parts)
        assert_close(whole, gradient, rtol=1e-9, atol=1e-11)
