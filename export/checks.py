"""Checks of a signature inside the graph: an invalid request ends in an error status."""

import tensorflow as tf

from ..zoo.signatures import Signature, Tensors


def check(tensors: dict[str, tf.Tensor], inputs: Tensors) -> list[tf.Tensor]:
    """Returns the tensors in the order of `inputs`, with control dependencies on all checks.

    A server does not enforce the shapes of a signature, so the graph checks them when it runs: the shape of
    the rows, one batch size for all inputs, and the values. A failed check ends in INVALID_ARGUMENT with
    the input's name.
    """
    checked = {
        name: tf.ensure_shape(tensors[name], [None, *info.shape], name=name) for name, info in inputs.items()
    }
    assertions = [_same_batch_size(checked)] if len(checked) > 1 else []
    assertions += [
        _valid_values(name, checked[name], info) for name, info in inputs.items() if info.minimum is not None
    ]
    with tf.control_dependencies(assertions):
        return [tf.identity(tensor) for tensor in checked.values()]


def check_outputs(signature: Signature, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns the outputs of a signature's function in the order of its declaration.

    Raises:
      ValueError: when the function is traced, if its outputs differ from the declaration.
    """
    declared = {
        name: tf.TensorSpec([None, *info.shape], info.dtype) for name, info in signature.outputs.items()
    }
    if set(outputs) != set(declared) or not all(
        declared[name].is_compatible_with(outputs[name]) for name in outputs
    ):
        found = {name: (tensor.dtype, [None, *tensor.shape[1:]]) for name, tensor in outputs.items()}
        raise ValueError(f"{signature.name} gives {found}, expected its declared outputs: {signature}.")
    return {name: tf.ensure_shape(outputs[name], spec.shape) for name, spec in declared.items()}


def _same_batch_size(tensors):
    sizes = tf.stack([tf.shape(tensor)[0] for tensor in tensors.values()])
    message = f"{', '.join(tensors)} must have one batch size (dimension 0), got"
    return tf.debugging.Assert(tf.reduce_all(sizes == sizes[0]), [message, sizes])


def _valid_values(name, tensor, info):
    valid = tf.reduce_all(info.contains(tensor))
    return tf.debugging.Assert(valid, [f"{name} must be {info.expected}, got", tensor], summarize=8)
