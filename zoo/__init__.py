"""Models, and presets to load them pretrained.

    from latentzoo import zoo
    zoo.list_presets()
    model = zoo.load("glow-fashion-mnist")

Importing this package does not import TensorFlow; the first use of `load` does.
"""

from typing import TYPE_CHECKING

from .lazy import attach
from .registry import info, list_presets

if TYPE_CHECKING:
    from . import flows, gans, vaes
    from .saving import load

__all__ = ["flows", "gans", "info", "list_presets", "load", "vaes"]
__getattr__, __dir__ = attach(__name__, __all__, {"load": "saving"})
