"""Everything that runs over data to change weights.

Importing this package does not import TensorFlow; `train` does, when it is first used.
"""

from typing import TYPE_CHECKING

from ..zoo import keras_backend as keras_backend

if TYPE_CHECKING:
    from .training import train

__all__ = ["train"]


def __getattr__(name: str):
    if name == "train":
        from .training import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), "train"])
