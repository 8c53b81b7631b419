"""Argument checks, whose messages state the value and what was expected in one sentence."""

import math
from collections.abc import Mapping

import numpy as np

from .deprecation import new_value


def check_count(name: str, value, minimum: int, maximum: int | None = None) -> int:
    """Returns `value` as an int if it is an integer from `minimum` to `maximum`.

    Raises:
      ValueError: otherwise.
    """
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < minimum or (maximum is not None and value > maximum):
        limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"{name} is {value!r}, expected an integer {limits}.")
    return int(value)


def check_choice(
    name: str, value, choices: tuple[str, ...], *, old_values: Mapping[str, str] | None = None
) -> str:
    """Returns `value` if it is one of `choices`.

    Args:
      old_values: maps deprecated values to choices; they issue a DeprecationWarning.

    Raises:
      ValueError: otherwise.
    """
    value = new_value(name, value, old_values or {})
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(choices)}.")
    return value


def check_image_shape(image_shape, levels: int) -> tuple[int, int, int]:
    """Returns `image_shape` as (H, W, C), for a model with `levels` squeezes.

    Raises:
      ValueError: it is not three positive integers, or H or W is not a multiple of 2^levels.
    """
    check_count("levels", levels, 1)
    shape = check_three(image_shape)
    if shape[0] % 2**levels or shape[1] % 2**levels:
        raise ValueError(
            f"image_shape is {shape} with {levels} levels, expected height and width to be multiples "
            f"of {2**levels}."
        )
    return shape


def check_three(image_shape) -> tuple[int, int, int]:
    """Returns `image_shape` as (H, W, C).

    Raises:
      ValueError: it is not three positive integers.
    """
    shape = tuple(image_shape) if isinstance(image_shape, list | tuple) else ()
    if len(shape) != 3 or not all(isinstance(n, int | np.integer) and n > 0 for n in shape):
        raise ValueError(f"image_shape is {image_shape!r}, expected three positive integers (H, W, C).")
    height, width, channels = (int(n) for n in shape)
    return height, width, channels


def check_number(name: str, value, minimum: float, maximum: float = math.inf) -> float:
    """Returns `value` as a float if it is a finite number from `minimum` to `maximum`.

    Raises:
      ValueError: otherwise.
    """
    try:
        number = float(value) if isinstance(value, int | float | np.number) else math.nan
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf
    if not math.isfinite(number) or not minimum <= number <= maximum:
        limits = f"of at least {minimum:g}" if maximum == math.inf else f"from {minimum:g} to {maximum:g}"
        raise ValueError(f"{name} is {value!r}, expected a finite number {limits}.")
    return number
