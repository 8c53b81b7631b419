"""Gradients are those of finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from .cases import CASES
from .measure import arguments, eager, fresh, loss, passes, trained

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

STEP = 1e-5


def test_every_trained_parameter_has_the_gradient_of_finite_differences(case):
    """The central difference along one random direction in the space of all parameters and inputs."""
    parameters, x, z = arguments(case)
    _, gradients = eager(case)
    assert set(gradients) == {"x", "z", *trained(parameters)}
    for name, gradient in gradients.items():
        assert gradient is not None and np.all(np.isfinite(gradient)), name
    directions = {
        name: tf.random.stateless_normal(gradient.shape, [i, 3], stddev=0.1, dtype=tf.float64)
        for i, (name, gradient) in enumerate(gradients.items())
    }

    def moved(by):
        there = parameters | {"x": x, "z": z}
        there |= {name: there[name] + by * direction for name, direction in directions.items()}
        bijector = case.build({name: there[name] for name in parameters})
        out = passes(bijector, fresh(there["x"]), fresh(there["z"]), case.event_ndims)
        return loss(out, x, case.event_ndims)

    numeric = (moved(STEP) - moved(-STEP)) / (2 * STEP)
    exact = sum(tf.reduce_sum(gradients[name] * directions[name]) for name in gradients)
    np.testing.assert_allclose(exact, numeric, rtol=1e-6, atol=1e-7)
