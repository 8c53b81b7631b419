"""Deprecated name of `latentzoo.data`."""

from ..zoo.deprecation import moved_module

__getattr__ = moved_module(__name__, "latentzoo.data.loading")
