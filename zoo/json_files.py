"""JSON files of anyone's making."""

import json
import os
from pathlib import Path
from typing import Any


def read(path: str | os.PathLike) -> Any:
    """What a JSON file holds.

    Raises:
      OSError: there is no such file, or it cannot be read.
      ValueError: it is not JSON; the message names the file.
    """
    return parse(Path(path).read_bytes(), path)


def parse(text: bytes | str, source: str | os.PathLike) -> Any:
    """The value of a JSON text, which came from `source`.

    Raises:
      ValueError: it is not JSON; the message names the source.

    >>> parse("[1, 2", "list.json")
    Traceback (most recent call last):
    ValueError: 'list.json' is damaged: it is not JSON (Expecting ',' delimiter: line 1 column 6 (char 5)).
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"'{source}' is damaged: it is nested too deeply.") from None
    except ValueError as error:  # not JSON, not UTF-8, or a number of thousands of digits
        raise ValueError(f"'{source}' is damaged: it is not JSON ({str(error)[:200]}).") from None


def read_object(path: str | os.PathLike) -> dict[str, Any]:
    """The one JSON object of a file.

    Raises:
      OSError, ValueError: as `read`, and where the file holds something else.
    """
    content = read(path)
    if not isinstance(content, dict):
        raise ValueError(f"'{path}' is damaged: expected a JSON object, got {type(content).__name__}.")
    return content
