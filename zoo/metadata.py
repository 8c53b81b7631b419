"""Validates the metadata.json of a preset: the types of the values that this package reads."""

import math
from typing import Any

from .deprecation import warn_of_old_name
from .json_files import shown

_TEXT, _COUNT, _NUMBER = "a string", "an integer of at least 0", "a finite number"

_KINDS = {
    "name": _TEXT,
    "family": _TEXT,
    "model": _TEXT,
    "parameters": _COUNT,
    "dataset": _TEXT,
    "metrics": "a list",
    "sha256": "an object",
}
_KINDS_OF_METRIC = {
    "name": _TEXT,
    "value": _NUMBER,
    "standard_error": _NUMBER,
    "unit": _TEXT,
    "protocol": _TEXT,
    "dataset": _TEXT,
    "split": _TEXT,
    "num_examples": _COUNT,
}


class Metadata(dict[str, Any]):
    """The entries of a metadata.json. `licence`, the deprecated name of `license`, works with a warning."""

    def __missing__(self, key: str) -> Any:
        if key != "licence":
            raise KeyError(key)
        warn_of_old_name("licence", "license")
        return self["license"]


def with_new_names(entries: dict[str, Any]) -> dict[str, Any]:
    """Replaces deprecated names in entries to write, with a warning."""
    if "licence" in entries:
        warn_of_old_name("licence", "license", stacklevel=3)
    return _renamed(entries)


def _renamed(entries):
    return {"license" if key == "licence" else key: value for key, value in entries.items()}


def checked(content: Any) -> Metadata:
    """Returns the metadata if each value that this package reads has the right type or is null.

    Entries with other names are not checked. Missing entries of a metric are set to null.

    Raises:
        ValueError: an entry has another type; the message names it.
    """
    if not isinstance(content, dict):
        raise ValueError(f"it must be an object of JSON, got {shown(content)}")
    version = content.get("format")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(f"its format must be an integer, got {shown(version)}")
    _check_kinds("its", content, _KINDS)
    metrics = [_metric(metric) for metric in content.get("metrics") or []]
    return Metadata({**_renamed(content), "metrics": metrics})  # presets of version 0.1 have "licence"


def _metric(metric):
    if not isinstance(metric, dict) or not _is(_TEXT, metric.get("name")):
        raise ValueError(f"each of its metrics must be an object with a name, got {shown(metric)}")
    if not _is(_NUMBER, metric.get("value")):
        raise ValueError(f"the value of its metric {shown(metric['name'])} must be a finite number")
    _check_kinds(f"in its metric {shown(metric['name'])},", metric, _KINDS_OF_METRIC)
    return {**dict.fromkeys(_KINDS_OF_METRIC), **metric}


def _check_kinds(where, content, kinds):
    for key, kind in kinds.items():
        if content.get(key) is not None and not _is(kind, content[key]):
            raise ValueError(f"{where} {key} must be {kind}, got {shown(content[key])}")


def _is(kind, value):
    if kind == _TEXT:
        return isinstance(value, str)
    if kind == "a list":
        return isinstance(value, list)
    if kind == "an object":
        return isinstance(value, dict) and all(isinstance(x, str) for x in value.values())
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and (kind == _NUMBER or (isinstance(value, int) and value >= 0))
