"""Models for servers: SavedModels with named signatures, what TF Serving reads beside them, a client.

    from latentzoo import export, zoo
    export.saved_model(zoo.load("glow-fashion-mnist"), "models/glow-fashion-mnist")

Importing this package does not import TensorFlow; `saved_model` does, when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .saving import saved_model

__all__ = ["saved_model"]


def __getattr__(name: str):
    if name == "saved_model":
        from .saving import saved_model

        return saved_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), "saved_model"])
