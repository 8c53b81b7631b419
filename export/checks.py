"""Checks of a signature inside the graph: what is wrong with a request ends in an error status."""

import tensorflow as tf

from ..zoo.signatures import Signature, Tensors


def check(tensors: dict[str, tf.Tensor], inputs: Tensors) -> list[tf.Tensor]:
    """The tensors in the order of `inputs`, which nothing can use before they have passed the checks.

    A server does not hold requests to the shapes of a signature, so they are looked at when the graph
    runs. The checks, and INVALID_ARGUMENT with the input's name, the status of each: rank and size of the
    rows, one batch size for all inputs, values.
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
    """The outputs of a signature's function in the order of its declaration, as which they are served.

    Raises:
      ValueError: while the function is traced, its outputs are others than the signature declares.
    """
    found = {name: (tensor.dtype, [None, *tensor.shape[1:]]) for name, tensor in outputs.items()}
    for name, info in signature.outputs.items():
        shape = [None, *info.shape]
        fits = name in outputs and outputs[name].dtype == tf.as_dtype(info.dtype)
        if (
            not fits
            or not outputs[name].shape.is_compatible_with(shape)
            or len(found) > len(signature.outputs)
        ):
            raise ValueError(f"{signature.name} gives {found}, expected its declared outputs: {signature}.")
    return {
        name: tf.ensure_shape(outputs[name], [None, *info.shape]) for name, info in signature.outputs.items()
    }


def _same_batch_size(tensors):
    sizes = tf.stack([tf.shape(tensor)[0] for tensor in tensors.values()])
    message = f"{', '.join(tensors)} must have one batch size (dimension 0), got"
    return tf.debugging.Assert(tf.reduce_all(sizes == sizes[0]), [message, sizes])


def _valid_values(name, tensor, info):
    valid = tf.reduce_all(info.contains(tensor))
    return tf.debugging.Assert(valid, [f"{name} must be {info.expected}, got", tensor], summarize=8)
