"""Methods compiled by TensorFlow, traced once for batches of every size."""

import functools
from collections.abc import Callable

import tensorflow as tf


def compiled(method: Callable) -> Callable:
    """`method` as a `tf.function` of tensors that all have the batch as their first axis, if any axis.

    A plain `tf.function` traces again for another size of the batch, which takes seconds in a deep flow.
    Here the first trace is already that of an unknown size. Arguments that are no tensors are constants.

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
