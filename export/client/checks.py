"""Checks of what a client sends: a value must not silently become another one in the server's dtype."""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...zoo.json_files import shown, shown_text
from ...zoo.signatures import TensorInfo

INT32 = np.iinfo(np.int32)


def count(name: str, value: Any) -> int:
    """Returns `value` as an int, if it is a positive integer that fits in int32.

    Raises:
      ValueError: otherwise.
    """
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or not 1 <= value <= INT32.max:
        raise ValueError(f"{name} is {shown(value)}, expected an integer of at least 1.")
    return int(value)


def text(name: str, value: Any) -> str:
    """Returns `value`, if it is a printable, non-empty string.

    Raises:
      ValueError: otherwise.
    """
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{name} is {shown(value)}, expected a name.")
    return value


def address(server: Any) -> str:
    """Returns `server`, if it is a host and a port.

    Raises:
      ValueError: otherwise.
    """
    expected = "expected host:port, such as localhost:8500"
    if not isinstance(server, str) or not server.isprintable() or not re.fullmatch(r"[^\s/?#@]+", server):
        raise ValueError(f"server is {shown(server)}, {expected}.")
    _, colon, port = server.rpartition(":")
    if colon and not server.endswith("]") and not (port.isdecimal() and 1 <= int(port[:6]) <= 65535):
        raise ValueError(f"server is '{server}', {expected}.")
    return server


def seconds(name: str, value: Any) -> float:
    """Returns `value` as a float, if it is a positive finite number.

    Raises:
      ValueError: otherwise.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise ValueError(f"{name} is {shown(value)}, expected a positive number of seconds.")
    return float(value)


def batch(
    name: str, values: ArrayLike, dtype: np.dtype, shape: tuple[int, ...], declared: TensorInfo | None = None
) -> np.ndarray:
    """Returns `values` as an array `[N, *shape]` of a signature's dtype, N at least 1.

    Args:
      declared: the input's declaration, if its name is a standard one: it gives the range of the values.

    Raises:
      ValueError: a wrong shape, no rows, a wrong kind of dtype, or numbers that are out of range or that the
        dtype cannot represent.
    """
    found = array(name, values)
    expected = shown_text(f"[{', '.join(map(str, ['N', *shape]))}]")
    if found.ndim and not len(found):
        raise ValueError(f"{name} is empty (N = 0), expected {expected} with N >= 1.")
    if found.ndim != 1 + len(shape) or found.shape[1:] != tuple(shape):
        raise ValueError(f"{name} has shape {found.shape}, expected {expected}.")
    cast = _cast(name, found, dtype)
    if declared is not None and not _in_range(cast, declared):
        raise ValueError(
            f"{name} holds values from {cast.min():g} to {cast.max():g}, expected {declared.limits}."
        )
    return cast


def per_row(
    name: str,
    values: ArrayLike,
    n: int,
    dtype: np.dtype,
    declared: TensorInfo | None = None,
    shape: tuple[int, ...] = (),
) -> np.ndarray:
    """Returns one value per row, `[n, *shape]`, from one value for all rows or from `[n, *shape]`.

    Args:
      declared: as `batch`'s.
      shape: the shape of one value; by default a number.

    Raises:
      ValueError: a wrong shape or kind, a value out of range, NaN or infinity.
    """
    found = array(name, values)
    if found.shape not in (shape, (n, *shape)):
        one = shown(list(shape)) if shape else "one number"
        raise ValueError(f"{name} has shape {found.shape}, expected {one} or {shown([n, *shape])}.")
    found = _cast(name, found, dtype)
    if declared is not None and not _in_range(found, declared):
        raise ValueError(f"{name} is {shown(values)}, expected {declared.limits}.")
    return np.broadcast_to(found, [n, *shape])


def row_seeds(seed: ArrayLike, n: int) -> np.ndarray:
    """Returns one pair per row, int32 `[n, 2]`: (seed, row) for an integer seed; pairs stay unchanged.

    Raises:
      ValueError: `seed` is not an integer in [-2^31, 2^31), or `[n, 2]` of them.
    """
    pairs = array("seed", seed)
    is_seed = pairs.dtype.kind in "iu" and pairs.shape in ((), (n, 2))
    if not is_seed or pairs.min() < INT32.min or pairs.max() > INT32.max:
        raise ValueError(f"seed is {shown(seed)}, expected integers in [-2^31, 2^31), one or [{n}, 2].")
    pairs = pairs.astype(np.int32)
    if pairs.ndim:
        return pairs
    return np.stack([np.full(n, pairs), np.arange(n, dtype=np.int32)], axis=1)


def array(name: str, values: ArrayLike) -> np.ndarray:
    """Returns `values` as an array.

    Raises:
      ValueError: NumPy cannot make an array of them.
    """
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(
            f"{name} is of type {type(values).__name__} and makes no array, expected numbers of one shape."
        ) from None


def _in_range(values: np.ndarray, declared: TensorInfo) -> bool:
    return declared.minimum is None or bool(declared.contains(values).all())


def _cast(name, values, dtype):
    """Casts to another dtype, or raises ValueError. Integers stay exact, floats are rounded."""
    kinds = "iu" if dtype.kind in "iu" else "iuf"
    if values.dtype.kind not in kinds or dtype.kind not in "iuf":
        raise ValueError(f"{name} has dtype {values.dtype}, expected {dtype}.")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise ValueError(
                f"{name} holds values from {values.min()} to {values.max()}, "
                f"expected {dtype} from {limits.min} to {limits.max}."
            )
        return values.astype(dtype)
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    if not np.isfinite(cast).all():
        raise ValueError(f"{name} holds NaN, infinity or numbers beyond {dtype}, expected finite numbers.")
    return cast
