"""A residual bijector small enough for its whole Jacobian, with an exact or an estimated log-determinant."""

import math

import tensorflow as tf

from latentzoo.bijectors import SinglePassBijector, fixed_point

EXACT_TERMS, TERMS = 2, 6


class Residual(SinglePassBijector):
    """y = x + g(x) with a contraction g (i-ResNet; Residual Flow, Chen et al. 2019).

    With a seed, log|det| is Residual Flow's estimate (theorem 1): one probe, and a random number of terms of
    the power series. All events share both.
    """

    value_only = True

    def __init__(self, network, event_ndims, tolerance, seed=None, name="residual"):
        parameters = dict(locals())
        self._network = network
        self._seed = seed
        self.inverse_tolerance = tolerance
        self.log_det = "exact" if seed is None else "estimate"
        super().__init__(forward_min_event_ndims=event_ndims, parameters=parameters, name=name)

    def _forward_value(self, x):
        return x + self._network(x)

    def _inverse_value(self, y):
        return fixed_point(
            lambda x: y - self._network(x), y, self.forward_min_event_ndims, self.inverse_tolerance
        )

    def _forward_and_log_det(self, x):
        log_det = self._exact(x) if self._seed is None else self._estimate(x)
        return self._forward_value(x), log_det

    def _exact(self, x):
        """log|det M| = 1/2 log det(M^T M) with M = I + dg/dx, by copies of x that get a row each."""
        event_shape = x.shape[-self.forward_min_event_ndims :]
        size, batch_ndims = event_shape.num_elements(), x.shape.rank - len(event_shape)
        copies = tf.repeat(x[tf.newaxis], size, axis=0)
        identity = tf.eye(size, dtype=x.dtype)
        rows = tf.reshape(identity, [size, *[1] * batch_ndims, *event_shape])
        with tf.GradientTape() as tape:
            tape.watch(copies)
            g = self._network(copies)
        jacobian = tape.gradient(g, copies, tf.broadcast_to(rows, tf.shape(copies)))
        jacobian = tf.reshape(jacobian, tf.concat([tf.shape(copies)[: 1 + batch_ndims], [size]], 0))
        matrix = identity + tf.transpose(jacobian, [*range(1, 1 + batch_ndims), 0, 1 + batch_ndims])
        return 0.5 * tf.linalg.logdet(tf.matmul(matrix, matrix, transpose_a=True))

    def _estimate(self, x):
        axes = list(range(-self.forward_min_event_ndims, 0))
        shape = x.shape[-self.forward_min_event_ndims :]
        # Integers of a seed that is not negative are the same under XLA; other draws are not.
        signs, level = (
            tf.random.stateless_uniform(size, seed, None, None, tf.int32)
            for size, seed in ((shape, self._seed), ([], self._seed + 10_000))
        )
        probe = tf.where(signs < 0, -tf.ones([], x.dtype), 1)
        # Geometric: P(terms >= k) = 2^-k.
        terms = tf.floor(-tf.math.log(tf.cast(level, x.dtype) / 2**32 + 0.5) / math.log(2))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            g = self._network(x)
        product, log_det = probe + tf.zeros_like(x), 0.0
        for k in range(1, TERMS + 1):
            product = tape.gradient(g, x, product)
            beyond = max(0, k - EXACT_TERMS)
            weight = tf.where(terms >= beyond, tf.constant(2.0**beyond, x.dtype), 0)
            log_det += (-1) ** (k + 1) / k * weight * tf.reduce_sum(product * probe, axes)
        return log_det
