"""Training: strategies, callbacks, checkpoints and recipes.

Importing this package does not import TensorFlow; the first use of `train` does.
"""

from typing import TYPE_CHECKING

from ..zoo.lazy import attach

if TYPE_CHECKING:
    from .training import train

__all__ = ["train"]
__getattr__, __dir__ = attach(__name__, __all__, {"train": "training"})
