"""The old name of `latentzoo.data`, until version 0.2."""

import warnings

from .. import data


def __getattr__(name: str):
    if name not in data.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("latentzoo.trainers.data is latentzoo.data now.", DeprecationWarning, stacklevel=2)
    return getattr(data, name)
