"""Everything that runs over data to change weights."""

from ..zoo import keras_backend as keras_backend
from .training import train

__all__ = ["train"]
