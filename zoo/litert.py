"""Restricts Keras's LiteRT export to LiteRT's own operations, so that the file runs everywhere."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

# How the converter's error lists operations that only TensorFlow has.
_MISSING = re.compile(r"TF Select ops: (.+)")


@contextlib.contextmanager
def own_operations(name: str, kwargs: dict) -> Iterator[dict]:
    """Yields `kwargs` for Keras's export that allow the converter only LiteRT's own operations.

    Keras's default also allows TensorFlow's operations. Few runtimes have them; the others fail when they
    load the file.

    Args:
      name: the model's name, for the message.
      kwargs: the user's arguments; a `target_spec` among them takes precedence.

    Raises:
      ValueError: raised from the context, if the model uses an operation that LiteRT does not have.
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
