"""Deprecated name of `latentzoo.data`."""

from .. import data
from ..zoo.deprecation import warn_of_old_name


def __getattr__(name: str):
    if name not in data.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_of_old_name("latentzoo.trainers.data", "latentzoo.data")
    return getattr(data, name)
