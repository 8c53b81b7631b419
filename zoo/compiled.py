"""Methods compiled by TensorFlow and traced once for all batch sizes."""

import functools
from collections.abc import Callable

import tensorflow as tf


def compiled(method: Callable) -> Callable:
    """Compiles `method` as a `tf.function` of tensors whose first axis, if any, is the batch.

    A plain `tf.function` is retraced for another batch size, which takes seconds for a deep flow. Here the
    first trace already has an unknown batch size. Arguments that are not tensors are constants.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.compiled import compiled
    >>> class Model:
    ...     @compiled
    ...     def double(self, x):
    ...         print("tracing", x.shape)
    ...         return 2 * x
    >>> model = Model()
    >>> sizes = [model.double(tf.zeros([n, 3])).shape[0] for n in (1, 2)]
    tracing (None, 3)
    """
    function = tf.function(method, reduce_retracing=True, autograph=False)

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        bound = function.__get__(self, type(self))
        if tf.executing_eagerly() and not tf.config.functions_run_eagerly():
            specs, named_specs = tf.nest.map_structure(_of_any_batch, (args, kwargs))
            bound.get_concrete_function(*specs, **named_specs)  # a look-up after the first call
        return bound(*args, **kwargs)

    return call


def _of_any_batch(value):
    if not tf.is_tensor(value):
        return value
    return tf.TensorSpec([None] * (value.shape.rank > 0) + value.shape[1:], value.dtype)
