"""Deprecated name of `latentzoo.metrics.nearest_neighbors`."""

from ..zoo.deprecation import warn_of_old_name
from . import nearest_neighbors


def __getattr__(name):
    if name != "nearest_neighbours":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_of_old_name(f"{__name__}.{name}", f"{nearest_neighbors.__name__}.nearest_neighbors")
    return nearest_neighbors.nearest_neighbors
