"""Keras's export to LiteRT held to LiteRT's own operations, so that the file runs everywhere."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

# What the converter's error says of operations that are only TensorFlow's.
_MISSING = re.compile(r"TF Select ops: (.+)")


@contextlib.contextmanager
def own_operations(name: str, kwargs: dict) -> Iterator[dict]:
    """`kwargs` of Keras's export, by which the converter takes LiteRT's own operations alone.

    Keras's default takes TensorFlow's too; few runtimes have them, and others fail as they load the file.

    Args:
      name: the model's.
      kwargs: the user's; a `target_spec` stays as it is.

    Raises:
      ValueError: within the context, the model has an operation that is only TensorFlow's.
    """
    try:
        yield {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}, **kwargs}
    except Exception as error:  # the converter's own class is not public
        missing = _MISSING.search(str(error))
        if missing is None:
            raise
        raise ValueError(
            f"{name} cannot be exported as 'litert': LiteRT does not have TensorFlow's {missing[1].strip()}."
        ) from None
