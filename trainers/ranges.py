"""What values a setting takes: the check of each, without TensorFlow."""

import contextlib
import dataclasses
import math
import numbers
from typing import Any


@dataclasses.dataclass(frozen=True)
class Integer:
    """Integers of at least `minimum`."""

    minimum: int

    def check(self, name: str, value: Any) -> int:
        """`value`. Raises ValueError if it is not one of these."""
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise ValueError(f"{name}: got {value!r}, expected an integer of at least {self.minimum}.")
        if value < self.minimum:
            raise ValueError(f"{name}: got {value}, expected at least {self.minimum}.")
        return int(value)


@dataclasses.dataclass(frozen=True)
class Number:
    """Numbers from `minimum` to `maximum`.

    Attributes:
      above, below: whether the minimum, and the maximum, are themselves left out.
      words: the range in words, for errors.
    """

    minimum: float
    maximum: float = math.inf
    above: bool = False
    below: bool = False
    words: str = ""

    def check(self, name: str, value: Any) -> float:
        """`value`. Raises ValueError if it is not one of these."""
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if is_number:
            large_enough = value > self.minimum if self.above else value >= self.minimum
            small_enough = value < self.maximum if self.below else value <= self.maximum
        if not (is_number and large_enough and small_enough):
            words = self.words or f"{'more than' if self.above else 'at least'} {self.minimum:g}"
            raise ValueError(f"{name}: got {value!r}, expected {words}.")
        return value if isinstance(value, int | float) else float(value)


@dataclasses.dataclass(frozen=True)
class Choice:
    """A few words."""

    values: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        """`value`. Raises ValueError if it is not one of these."""
        if value not in self.values:
            known = ", ".join(self.values) if len(self.values) > 2 else " or ".join(map(repr, self.values))
            known = f"one of {known}" if len(self.values) > 2 else known
            raise ValueError(f"{name}: got {value!r}, expected {known}.")
        return value


@dataclasses.dataclass(frozen=True)
class Text:
    """Any text; what uses it knows which."""

    def check(self, name: str, value: Any) -> str:
        """`value`. Raises ValueError if it is no text."""
        if not isinstance(value, str):
            raise ValueError(f"{name}: got {value!r}, expected a text.")
        return value


@dataclasses.dataclass(frozen=True)
class Interval:
    """Numbers of steps, and of minutes as "10min"."""

    def check(self, name: str, value: Any) -> int | str:
        """`value`. Raises ValueError if it is not one of these."""
        steps, minutes = self.split(name, value)
        return steps if minutes is None else value

    def split(self, name: str, value: Any) -> tuple[int | None, float | None]:
        """(steps, None) or (None, minutes).

        Raises:
          ValueError: it is neither.

        >>> from latentzoo.trainers.ranges import Interval
        >>> Interval().split("checkpoint_every", 1000), Interval().split("checkpoint_every", "10min")
        ((1000, None), (None, 10.0))
        """
        if isinstance(value, str) and value.endswith("min"):
            with contextlib.suppress(ValueError):
                if (minutes := float(value.removesuffix("min"))) > 0:
                    return None, minutes
        elif isinstance(value, numbers.Integral) and value > 0 and not isinstance(value, bool):
            return int(value), None
        raise ValueError(f"{name}: got {value!r}, expected steps, at least 1, or minutes, as '10min'.")
