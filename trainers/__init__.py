"""Everything that runs over data to change weights."""

from .training import train

__all__ = ["train"]
