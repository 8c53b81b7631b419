"""The ranges of settings and their checks, without TensorFlow."""

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
      above, below: whether the minimum and the maximum are excluded.
      words: a human-readable description of the range, for errors.
    """

    minimum: float
    maximum: float = math.inf
    above: bool = False
    below: bool = False
    words: str = ""

    def check(self, name: str, value: Any) -> float:
        """`value`. Raises ValueError if it is not one of these."""
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        number = float(value) if is_number else math.nan
        large_enough = number > self.minimum if self.above else number >= self.minimum
        small_enough = number < self.maximum if self.below else number <= self.maximum
        if not (math.isfinite(number) and large_enough and small_enough):
            words = self.words or f"{'more than' if self.above else 'at least'} {self.minimum:g}"
            raise ValueError(f"{name}: got {value!r}, expected {words}.")
        return value if isinstance(value, int | float) else number


@dataclasses.dataclass(frozen=True)
class Choice:
    """A fixed set of strings."""

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
    """Any string; the code that uses it checks it further."""

    def check(self, name: str, value: Any) -> str:
        """`value`. Raises ValueError if it is not a string."""
        if not isinstance(value, str):
            raise ValueError(f"{name}: got {value!r}, expected a string.")
        return value


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number of steps, or of minutes as "10min"."""

    def check(self, name: str, value: Any) -> int | str:
        """`value`. Raises ValueError if it is not one of these."""
        steps, _ = self.split(name, value)
        return value if steps is None else steps

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
        elif isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) > 0:
            return int(value), None
        raise ValueError(f"{name}: got {value!r}, expected steps, at least 1, or minutes, as in '10min'.")
