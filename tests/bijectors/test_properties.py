"""Round trip and log-determinant for shapes and parameters drawn by Hypothesis, in float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ..jacobians import jacobian_log_dets
from . import cases
from .measure import assert_close, fresh

FAMILIES = {
    "actnorm": cases.actnorm,
    "invertible_conv": cases.invertible_conv,
    "batch_norm": cases.batch_norm,
    "additive_coupling-first_half": cases.additive_coupling(cases.FIRST),
    "additive_coupling-even": cases.additive_coupling(cases.EVEN),
    "affine_coupling-second_half": cases.affine_coupling(cases.SECOND),
    "affine_coupling-odd": cases.affine_coupling(cases.ODD, "tanh"),
    "affine_coupling-black": cases.affine_coupling(cases.BLACK),
    "repeat-reversible": cases.repeat(cases.glow_step(cases.affine_coupling()), reversible=True),
    "squeeze": cases.squeeze("channel_first"),
}
IMAGES_ONLY = ("affine_coupling-black", "squeeze")

sizes = st.integers(1, 4)


@st.composite
def shapes(draw, name):
    channels = draw(st.integers(2, 5))
    if name == "squeeze":
        return (2 * draw(st.integers(1, 2)), 2 * draw(st.integers(1, 2)), channels)
    if name not in IMAGES_ONLY and draw(st.booleans()):
        return (channels,)
    return (draw(st.integers(1, 3)), draw(st.integers(1, 3)), channels)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_round_trip_and_log_determinant_of_any_shape_and_values(name, data):
    event_shape = data.draw(shapes(name), "event_shape")
    batch_shape = data.draw(st.lists(sizes, max_size=2), "batch_shape")
    strength = data.draw(st.floats(0.1, 2.0), "strength of the parameters")
    magnitude = data.draw(st.floats(1e-3, 1e3), "magnitude of the inputs")
    seed = data.draw(st.integers(0, 1000), "seed")

    parameters, build = FAMILIES[name](event_shape)
    parameters = {key: value if key in cases.FIXED else strength * value for key, value in parameters.items()}
    bijector = build(parameters)
    shape = [*batch_shape, *event_shape]
    x = magnitude * tf.random.stateless_normal(shape, [seed, 0], dtype=tf.float64)

    y = bijector.forward(x)
    largest = max(np.max(np.abs(x)), np.max(np.abs(y)))
    assert_close(bijector.inverse(fresh(y)), x, rtol=0, atol=1e-11 * largest)

    log_det = bijector.forward_log_det_jacobian(x, len(event_shape))
    log_det = tf.reshape(tf.broadcast_to(log_det, batch_shape), [-1])
    events = tf.reshape(x, [-1, *event_shape])[:2]
    assert_close(log_det[:2], jacobian_log_dets(bijector.forward, events), rtol=0, atol=1e-9)
