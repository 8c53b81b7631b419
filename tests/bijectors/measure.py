"""What the tests measure of a bijector."""

from functools import cache

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ..jacobians import jacobian_log_dets
from .cases import FIXED, Case

tfb = tfp.bijectors


def fresh(x: tf.Tensor) -> tf.Tensor:
    """The same values in a tensor that TFP's cache does not know."""
    return tf.identity(x)


def passes(bijector: tfb.Bijector, x, z, event_ndims) -> dict[str, tf.Tensor]:
    """Forward of x and inverse of z, each with its log-determinant."""
    latent_ndims = bijector.forward_event_ndims(event_ndims)
    return {
        "forward": bijector.forward(x),
        "forward_log_det": bijector.forward_log_det_jacobian(x, event_ndims),
        "inverse": bijector.inverse(z),
        "inverse_log_det": bijector.inverse_log_det_jacobian(z, latent_ndims),
    }


def latents(case: Case, batch_shape=()) -> tf.Tensor:
    """Values for the inverse of a case, not the forward of `case.inputs`."""
    event_shape = case.build(case.parameters()).forward_event_shape(case.event_shape)
    return tf.random.stateless_normal([*batch_shape, *event_shape], [7, 7], dtype=tf.float64)


def loss(out: dict[str, tf.Tensor], x: tf.Tensor, event_ndims: int) -> tf.Tensor:
    """A sum over the batch in which every value of `passes` weighs differently."""
    size = tf.reduce_prod(tf.shape(x)[-event_ndims:])
    flat = tf.concat([tf.shape(x)[:-event_ndims], [size]], 0)
    weights = tf.cast(tf.range(1, size + 1), x.dtype) / tf.cast(size, x.dtype)
    values = tf.reshape(out["forward"], flat) ** 2 + tf.sin(tf.reshape(out["inverse"], flat))
    log_dets = out["forward_log_det"] + 0.3 * out["inverse_log_det"]
    return tf.reduce_sum(tf.reduce_sum(weights * values, -1) + log_dets)


def value_and_gradients(case: Case, parameters, x, z):
    """`passes`, and the gradients of their loss in x, in z and in each trained parameter."""
    sources = {"x": x, "z": z} | {name: parameters[name] for name in trained(parameters)}
    with tf.GradientTape() as tape:
        tape.watch(sources)
        # Built, and given tensors, inside the tape: the cache would return values of outside.
        bijector = case.build(parameters)
        out = passes(bijector, fresh(x), fresh(z), case.event_ndims)
        value = loss(out, x, case.event_ndims)
    return out, tape.gradient(value, sources)


def arguments(case: Case):
    """Parameters, x and z of a case, a batch of four."""
    return case.parameters(), case.inputs([4]), latents(case, [4])


@cache
def eager(case: Case):
    """`value_and_gradients` in eager mode, what other modes are compared with."""
    return value_and_gradients(case, *arguments(case))


def trained(parameters) -> list[str]:
    return [name for name in parameters if name.removesuffix("_0").removesuffix("_1") not in FIXED]


def log_dets(case: Case, bijector: tfb.Bijector, events: tf.Tensor) -> np.ndarray:
    """log|det| of forward at each event `[N, ...]`: the Jacobian's, or the estimate for the case's seed."""
    if case.estimated_log_det:
        return bijector.forward_log_det_jacobian(fresh(events), case.event_ndims).numpy()
    return jacobian_log_dets(bijector.forward, events)


def assert_close(actual, expected, rtol, atol=0.0):
    """`np.testing.assert_allclose` over structures of tensors."""
    tf.nest.assert_same_structure(actual, expected)
    for a, b in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol)
