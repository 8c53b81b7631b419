"""Reads untrusted JSON files, and rejects values that code using them could not handle."""

import json
import math
import os
from collections.abc import Iterable
from typing import Any

from . import regular_files

LARGEST = 16_000_000  # bytes
DEEPEST = 100  # levels of lists and objects


def read(path: str | os.PathLike) -> Any:
    """Reads a JSON file.

    Raises:
      OSError: there is no such file, or it cannot be read.
      ValueError: it is not JSON that `value` accepts; the message names the file.
    """
    return parse(regular_files.read(path, LARGEST), path)


def parse(text: bytes | str, source: str | os.PathLike) -> Any:
    """Parses a JSON text that comes from `source`.

    Raises:
      ValueError: it is not JSON that `value` accepts; the message names the source.

    >>> parse("[1, 2", "list.json")
    Traceback (most recent call last):
    ValueError: 'list.json' is damaged: it is not JSON (Expecting ',' delimiter: line 1 column 6 (char 5)).
    """
    try:
        return value(text)
    except ValueError as error:
        raise ValueError(f"'{source}' is damaged: it is not JSON ({str(error)[:200]}).") from None


def read_object(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a JSON file that holds an object.

    Raises:
      OSError, ValueError: see `read`; also if the file holds something else.
    """
    content = read(path)
    if not isinstance(content, dict):
        raise ValueError(f"'{path}' is damaged: expected a JSON object, got {type(content).__name__}.")
    return content


def shown(value: Any) -> str:
    """Formats a value for an error message: its `repr`, truncated to 80 characters.

    >>> shown([1] * 100)
    '[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1...'
    """
    try:
        return _cut(repr(value), 80)
    except ValueError:  # an integer with more digits than Python prints
        return f"a very large {type(value).__name__}"


def shown_text(text: str, longest: int = 80) -> str:
    """Formats text from a file or server for an error message: one line, truncated to `longest` characters.

    >>> shown_text("no such\\nmodel")
    'no such\\\\nmodel'
    """
    return _cut("".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: longest + 1]), longest)


def shown_names(names: Iterable[str]) -> str:
    """Formats names from a file or server for an error message: sorted, truncated to 500 characters.

    >>> shown_names(["seed", "labels"])
    'labels, seed'
    """
    return shown_text(", ".join(sorted(names)), 500)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def value(text: bytes | str) -> Any:
    """Parses a JSON text.

    Raises:
      ValueError: it is not JSON in UTF-8, is longer than 16 MB or nested more than 100 levels deep, or holds
        a number that is not finite or an integer of more than 64 bits.

    >>> value("[NaN]")
    Traceback (most recent call last):
    ValueError: NaN is not a number of JSON
    """
    if len(text) > LARGEST:
        raise ValueError(f"it is longer than {LARGEST} bytes")
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        found = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_no_number)
    except RecursionError:
        raise ValueError(_too_deep()) from None
    _check_depth(found)
    return found


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f"the integer {_short(text)} has more than 64 bits")
    return int(text)


def _number(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"the number {_short(text)} is too large")
    return float(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")


def _check_depth(value: Any) -> None:
    """Limits the depth, so that recursive functions can process the value."""
    level = [value]
    for _ in range(DEEPEST + 1):
        children = [x.values() if isinstance(x, dict) else x for x in level if isinstance(x, dict | list)]
        level = [child for part in children for child in part]
        if not level:
            return
    raise ValueError(_too_deep())


def _too_deep() -> str:
    return f"it is nested more than {DEEPEST} levels deep"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}... of {len(text)} characters"
