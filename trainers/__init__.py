"""Everything that runs over data to change weights.

Importing this package does not import TensorFlow; `train` does, when it is first used.
"""

from typing import TYPE_CHECKING

from ..zoo.lazy import attach

if TYPE_CHECKING:
    from .training import train

__all__ = ["train"]
__getattr__, __dir__ = attach(__name__, __all__, {"train": "training"})
