"""Progress of long computations, on standard error; standard output is only for results.

On a terminal, one line is rewritten. Otherwise, such as in a file, whole lines are printed at intervals.
"""

import shutil
import sys
import time

_REDRAW = 0.2  # seconds between updates of the line on a terminal
_LINE = 60  # seconds between lines otherwise

_drawn = 0  # length of the unfinished line on the terminal


class Progress:
    """Shows how many of `total` units are done, and the estimated time left.

    The estimate excludes the time until the first update, which includes tracing.

    Args:
      total: number of units.
      unit: name of the units, in the plural.
      shown: whether to show anything.
    """

    def __init__(self, total: int, unit: str, shown: bool = True):
        self.total, self.unit = total, unit
        self._shown = shown and sys.stderr is not None
        self._done = 0
        self._first: tuple[int, float] | None = None  # units done, and when
        self._shown_at = time.monotonic()

    def update(self, done: int, text: str = "", line: bool = False) -> None:
        """Shows that `done` units are done.

        Args:
          text: additional text to show.
          line: whether to print a separate line.
        """
        self._done = done
        now = time.monotonic()
        first = self._first = self._first or (done, now)
        at_terminal = self._shown and sys.stderr.isatty()
        line = line or done >= self.total
        if not self._shown or (now - self._shown_at < (_REDRAW if at_terminal else _LINE) and not line):
            return
        self._shown_at = now
        shown = "  ".join(part for part in (self._state(first, done, now), text) if part)
        if at_terminal:
            _draw(shown)
            if line:
                end_line()
        else:
            print(shown, file=sys.stderr, flush=True)

    def add(self, count: int) -> None:
        """Shows that `count` more units are done."""
        self.update(self._done + count)

    def _state(self, first_shown: tuple[int, float], done: int, now: float) -> str:
        first, start = first_shown
        state = f"{done}/{self.total} {self.unit}"
        if first < done < self.total:
            return f"{state}  {duration((now - start) / (done - first) * (self.total - done))} left"
        return state


def duration(seconds: float) -> str:
    """Formats a duration.

    >>> duration(42.3), duration(3725)
    ('42 s', '1:02:05')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def end_line() -> None:
    """Ends the line that is being rewritten, if any, before other output."""
    global _drawn
    if _drawn:
        print(file=sys.stderr, flush=True)
    _drawn = 0


def _draw(text: str) -> None:
    global _drawn
    text = text[: shutil.get_terminal_size().columns - 1]
    print(f"\r{text:<{_drawn}}", end="", file=sys.stderr, flush=True)
    _drawn = len(text)
