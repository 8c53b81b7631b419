"""Checks of what a client sends: a value that the server's integers cannot hold must not become another's."""

import math
import re

import numpy as np

from ...zoo.json_files import shown, shown_text
from ...zoo.signatures import TensorInfo

INT32 = np.iinfo(np.int32)


def count(name: str, value) -> int:
    """`value`, if it is a positive integer that numbers rows in int32.

    Raises:
      ValueError: it is not.
    """
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or not 1 <= value <= INT32.max:
        raise ValueError(f"{name} is {shown(value)}, expected an integer of at least 1.")
    return int(value)


def text(name: str, value) -> str:
    """`value`, if it is a string that a request can hold.

    Raises:
      ValueError: it is not.
    """
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{name} is {shown(value)}, expected a name.")
    return value


def address(server) -> str:
    """`server`, if it is a host and a port.

    Raises:
      ValueError: it is not.
    """
    expected = "expected host:port, such as localhost:8500"
    if not isinstance(server, str) or not server.isprintable() or not re.fullmatch(r"[^\s/?#@]+", server):
        raise ValueError(f"server is {shown(server)}, {expected}.")
    _, colon, port = server.rpartition(":")
    if colon and not server.endswith("]") and not (port.isdecimal() and 1 <= int(port[:6]) <= 65535):
        raise ValueError(f"server is '{server}', {expected}.")
    return server


def seconds(name: str, value) -> float:
    """`value`, if it is a positive finite number.

    Raises:
      ValueError: it is not.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise ValueError(f"{name} is {shown(value)}, expected a positive number of seconds.")
    return float(value)


def batch(
    name: str, values, dtype: np.dtype, shape: tuple[int, ...], declared: TensorInfo | None = None
) -> np.ndarray:
    """`values` as an array `[N, *shape]` of a signature's dtype, N at least 1.

    Args:
      declared: the input's declaration, if its name is a standard one: the values are in its range.

    Raises:
      ValueError: another shape, no rows, a dtype of another kind, numbers that the dtype cannot hold, or
        such as are out of range.
    """
    values = array(name, values)
    expected = shown_text(f"[{', '.join(map(str, ['N', *shape]))}]")
    if values.ndim and not len(values):
        raise ValueError(f"{name} is empty (N = 0), expected {expected} with N >= 1.")
    if values.ndim != 1 + len(shape) or values.shape[1:] != tuple(shape):
        raise ValueError(f"{name} has shape {values.shape}, expected {expected}.")
    cast = _cast(name, values, dtype)
    if not _in_range(cast, declared):
        raise ValueError(
            f"{name} holds values from {cast.min():g} to {cast.max():g}, expected {declared.limits}."
        )
    return cast


def per_row(
    name: str,
    values,
    n: int,
    dtype: np.dtype,
    declared: TensorInfo | None = None,
    shape: tuple[int, ...] = (),
) -> np.ndarray:
    """One value for each of `n` rows, `[n, *shape]`, of one for all or of `[n, *shape]`.

    Args:
      declared: as `batch`'s.
      shape: of a value; by default it is a number.

    Raises:
      ValueError: another shape or kind, a value out of range, NaN or infinity.
    """
    found = array(name, values)
    if found.shape not in (shape, (n, *shape)):
        one = shown(list(shape)) if shape else "one number"
        raise ValueError(f"{name} has shape {found.shape}, expected {one} or {shown([n, *shape])}.")
    found = _cast(name, found, dtype)
    if not _in_range(found, declared):
        raise ValueError(f"{name} is {shown(values)}, expected {declared.limits}.")
    return np.broadcast_to(found, [n, *shape])


def row_seeds(seed, n: int) -> np.ndarray:
    """int32 `[n, 2]`, a pair for each row: (seed, row) of an integer; pairs are taken as they are.

    Raises:
      ValueError: anything but integers in [-2^31, 2^31), one or `[n, 2]`.
    """
    pairs = array("seed", seed)
    is_seed = pairs.dtype.kind in "iu" and pairs.shape in ((), (n, 2))
    if not is_seed or pairs.min() < INT32.min or pairs.max() > INT32.max:
        raise ValueError(f"seed is {shown(seed)}, expected integers in [-2^31, 2^31), one or [{n}, 2].")
    pairs = pairs.astype(np.int32)
    if pairs.ndim:
        return pairs
    return np.stack([np.full(n, pairs), np.arange(n, dtype=np.int32)], axis=1)


def array(name: str, values) -> np.ndarray:
    """`values` as an array.

    Raises:
      ValueError: they make none.
    """
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(
            f"{name} is of type {type(values).__name__} and makes no array, expected numbers of one shape."
        ) from None


def _in_range(values, declared):
    return declared is None or declared.minimum is None or bool(declared.contains(values).all())


def _cast(name, values, dtype):
    """The same numbers in another dtype, or ValueError. Integers are exact, floats are rounded."""
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
