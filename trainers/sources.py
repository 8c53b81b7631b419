"""Deprecated name of `latentzoo.data.sources`."""

from ..zoo.deprecation import moved_module

__getattr__ = moved_module(__name__, "latentzoo.data.sources")
