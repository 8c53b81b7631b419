"""The models, and the presets that load them pretrained.

    from latentzoo import zoo
    zoo.list_presets()
    model = zoo.load("glow-fashion-mnist")

Importing this package does not import TensorFlow; `load` does, when it is first used.
"""

from typing import TYPE_CHECKING

from .registry import info, list_presets

if TYPE_CHECKING:
    from .saving import load

__all__ = ["info", "list_presets", "load"]


def __getattr__(name: str):
    if name == "load":
        from .saving import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), "load"])
