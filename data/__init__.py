"""Datasets: from TensorFlow Datasets, folders of images, arrays, and this project's own.

    from latentzoo import data
    images = data.source("fashion_mnist", split="train")

Importing this package does not import TensorFlow; the first use of a name does.
"""

from typing import TYPE_CHECKING

from ..zoo.lazy import attach

if TYPE_CHECKING:
    from .classes import count_classes
    from .loading import from_arrays, from_folder, from_npz, from_tfds, load, source
    from .moons import two_moons
    from .noto_emoji import NotoEmoji
    from .sources import Source

__all__ = [
    "NotoEmoji",
    "Source",
    "count_classes",
    "from_arrays",
    "from_folder",
    "from_npz",
    "from_tfds",
    "load",
    "source",
    "two_moons",
]

_MODULES = {
    "NotoEmoji": "noto_emoji",
    "Source": "sources",
    "count_classes": "classes",
    "from_arrays": "loading",
    "from_folder": "loading",
    "from_npz": "loading",
    "from_tfds": "loading",
    "load": "loading",
    "source": "loading",
    "two_moons": "moons",
}

__getattr__, __dir__ = attach(__name__, __all__, _MODULES)
