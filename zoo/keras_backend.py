"""Importing this module raises an ImportError if Keras's backend is not TensorFlow.

Modules that need Keras import this first, since Keras's own error is about modules of the other backend.
"""

import json
import os
import sys
from pathlib import Path


def _backend() -> tuple[str, str]:
    """Returns Keras's backend and what sets it, by Keras's rules but without importing it."""
    if "keras" in sys.modules:
        return sys.modules["keras"].config.backend(), "the Keras that is already imported"
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME") or os.path.join(
        home if os.access(home, os.W_OK) else "/tmp", ".keras"
    )
    path = Path(folder).expanduser() / "keras.json"
    try:
        return json.loads(path.read_text())["backend"], f"'{path}'"
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow", "Keras's default"


def _require_tensorflow() -> None:
    backend, source = _backend()
    if backend != "tensorflow":
        raise ImportError(
            f"latentzoo needs Keras's TensorFlow backend, and {source} sets the backend {backend!r}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported."
        )


_require_tensorflow()
