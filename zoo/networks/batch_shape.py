"""Lets networks written for one batch axis take any batch shape, as bijectors do."""

import functools
from collections.abc import Callable

import tensorflow as tf


def any_batch_shape(event_ndims: int, condition_ndims: int = 0) -> Callable:
    """Decorates `network(owner, x, condition)`, written for one batch axis, to take any number of them.

    Args:
      event_ndims: the rank of one event of x `[..., *event]`.
      condition_ndims: the rank of one condition (labels: 0), whose batch shape broadcasts to that of x.
    """

    def decorate(network):
        @functools.wraps(network)
        def call(owner, x, *condition):
            batch_ndims = x.shape.rank - event_ndims
            condition = [c for c in condition if c is not None]
            if batch_ndims == 1 and all(c.shape.rank == 1 + condition_ndims for c in condition):
                return network(owner, x, *condition)
            batch = tf.shape(x)[:batch_ndims]
            rows = [_as_rows(c, batch, condition_ndims) for c in condition]
            y = network(owner, _as_rows(x, batch, event_ndims), *rows)
            result = tf.reshape(y, tf.concat([batch, tf.shape(y)[1:]], axis=0))
            return tf.ensure_shape(result, [*x.shape[:batch_ndims], *y.shape[1:]])

        return call

    return decorate


def _as_rows(x, batch, event_ndims):
    """Broadcasts `[..., *event]` to a batch shape, then flattens the batch axes into one."""
    event = x.shape[x.shape.rank - event_ndims :]
    return tf.reshape(tf.broadcast_to(x, tf.concat([batch, event], axis=0)), [-1, *event])
