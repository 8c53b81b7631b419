"""Compiles signatures, with their checks, and adds their twins on encoded images."""

import inspect

import tensorflow as tf

from ..zoo.signatures import Signature
from . import png
from .checks import check, check_outputs


def compile_signatures(
    signatures: list[Signature],
) -> dict[str, tuple[Signature, tf.types.experimental.GenericFunction]]:
    """Returns each signature and its twin on encoded images, with their compiled functions, by name."""
    compiled = {}
    for signature in signatures:
        run = _compile(signature)
        compiled[signature.name] = signature, run
        twin = png.twin(signature, run)
        if twin:
            compiled[twin.name] = twin, _compile(twin)
    return compiled


def _compile(signature):
    inputs = signature.inputs

    def run(*tensors):
        outputs = signature.function(*check(dict(zip(inputs, tensors, strict=True)), inputs))
        return check_outputs(signature, outputs)

    # TensorFlow names the inputs of the saved signature after these parameters.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    run.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in inputs])
    run.__name__ = signature.name
    specs = [tf.TensorSpec([None, *info.shape], info.dtype, name) for name, info in inputs.items()]
    return tf.function(run, input_signature=specs, autograph=False)
