"""Models for servers: SavedModels with named signatures, TF Serving's configuration files, and clients.

    from latentzoo import export, zoo
    export.saved_model(zoo.load("glow-fashion-mnist"), "models/glow-fashion-mnist")

Importing this package does not import TensorFlow; the first use of `saved_model` does.
"""

from typing import TYPE_CHECKING

from ..zoo.lazy import attach

if TYPE_CHECKING:
    from .saving import saved_model

__all__ = ["saved_model"]
__getattr__, __dir__ = attach(__name__, __all__, {"saved_model": "saving"})
