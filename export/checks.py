"""Checks of a request inside the graph: what is wrong ends in an error status that names the input."""

import tensorflow as tf

from ..zoo.signatures import Input


def check(tensors: dict[str, tf.Tensor], inputs: dict[str, Input]) -> list[tf.Tensor]:
    """The tensors in the order of `inputs`, which nothing can use before they have passed the checks.

    A server does not hold requests to the shapes of a signature, so they are looked at when the graph
    runs. The checks, and INVALID_ARGUMENT, the status of each: rank and size of the rows, one batch size
    for all inputs, values.
    """
    checked = {
        name: tf.ensure_shape(tensors[name], [None, *spec.shape], name=name) for name, spec in inputs.items()
    }
    assertions = [_same_batch_size(checked)] if len(checked) > 1 else []
    assertions += [_valid_values(name, checked[name], spec) for name, spec in inputs.items() if spec.valid]
    with tf.control_dependencies(assertions):
        return [tf.identity(tensor) for tensor in checked.values()]


def _same_batch_size(tensors):
    sizes = tf.stack([tf.shape(tensor)[0] for tensor in tensors.values()])
    message = f"{', '.join(tensors)} must have one batch size (dimension 0), got"
    return tf.debugging.Assert(tf.reduce_all(sizes == sizes[0]), [message, sizes])


def _valid_values(name, tensor, spec):
    valid = tf.reduce_all(spec.valid(tensor))
    return tf.debugging.Assert(valid, [f"{name} must be {spec.expected}, got", tensor], summarize=8)
