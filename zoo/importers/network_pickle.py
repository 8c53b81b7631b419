"""Reads the network pickles of NVIDIA's code as plain values: see `pickles` for why this is safe."""

import io
import os
from collections.abc import Callable
from typing import Any

from .. import regular_files
from . import arrays, pickles
from .pickles import Budget, Record, Refused

# The largest official pickles have 0.4 GB.
MAX_BYTES = 4 * 2**30

# The first byte of every pickle of protocol 2 or later.
PROTO = b"\x80"

# The errors of reading damaged bytes: Python's own modules raise almost anything.
DAMAGED = Exception


def read_file(path: str | os.PathLike) -> Any:
    """Reads a network pickle of PyTorch or TensorFlow.

    Its networks become `Record`s, with their class names and saved attributes. Tensors and arrays in them
    are `Lazy`. Code in the file is not run.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is not a network pickle, is damaged, or names something that no network needs.
    """
    data = regular_files.read(path, most=MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise ValueError(f"'{path}' is larger than a network pickle, expected at most {MAX_BYTES} bytes.")
    is_torch = arrays.is_torch_file(data)
    if not is_torch and data[:1] != PROTO:
        raise ValueError(
            f"'{path}' is not a network pickle: it does not begin like a pickle of protocol 2 or later."
        )
    budget = Budget(len(data))
    names = {**arrays.names(budget), **_object_names(budget)}
    try:
        if is_torch:
            return arrays.read_torch(data, names, budget)
        return pickles.read(io.BytesIO(data), names, budget)
    except Refused as error:
        raise ValueError(f"'{path}' is refused: {error}.") from None
    except DAMAGED as error:
        raise ValueError(f"'{path}' is not a complete network pickle: {_reason(error)}.") from None


def _object_names(budget: Budget) -> dict[str, Callable[..., Any] | None]:
    """The allowed names of Python and of the official code in a pickle, with their replacements."""

    def encode(text: Any, encoding: Any = "latin1") -> bytes:
        """Older pickles write bytes this way."""
        if encoding != "latin1" or not isinstance(text, str):
            raise Refused("it encodes a string, which no network needs")
        budget.spend(copied=len(text))
        return text.encode("latin-1")

    def to_set(items: Any = ()) -> set:
        budget.spend(len(items))
        return pickles.to_set(items)

    table: dict[str, Callable[..., Any] | None] = {
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
        "dnnlib.util.EasyDict": arrays.to_dict,
        "dnnlib.EasyDict": arrays.to_dict,
        "dnnlib.tflib.network.Network": lambda: Record("Network"),
        "_codecs.encode": encode,
    }
    for builtins in ("builtins", "__builtin__"):  # of Python 3 and 2
        table[f"{builtins}.set"] = table[f"{builtins}.frozenset"] = to_set
        table[f"{builtins}.bytes"] = lambda: b""
    return table


def _persistent_object(meta: Any) -> Record:
    """A module of the PyTorch code. `module_src`, the code of its class, is ignored."""
    kind, state = meta["class_name"], meta["state"]
    if not pickles.is_short(kind) or not isinstance(state, dict):
        raise TypeError("a module has no class or no attributes")
    return Record(pickles.printable(kind), state)


def _reason(error: BaseException) -> str:
    """The message of a ValueError is worth showing; a wrong index or type only means damage."""
    lines = str(error).strip().splitlines()
    is_clear = type(error) is ValueError and lines
    return f"it is damaged or truncated ({pickles.printable(lines[0])})" if is_clear else "it is damaged"
