"""How far a long computation is, on standard error: results alone go to standard output.

At a terminal one line is rewritten. Elsewhere, in a file for instance, there are few and whole lines.
"""

import shutil
import sys
import time

_REDRAW = 0.2  # seconds between two drawings of the line at a terminal
_LINE = 60  # seconds between two lines elsewhere

_drawn = 0  # characters of the line at the terminal that is not ended


class Progress:
    """Shows how many of `total` units are done, and how long the others will take.

    The time left leaves out the first update, whose time goes into tracing.

    Args:
      total: how many units there are.
      unit: their name, in the plural.
      shown: False shows nothing.
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
          text: more to show.
          line: whether this is worth a line of its own.
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
        """Shows that `count` units more are done."""
        self.update(self._done + count)

    def _state(self, first_shown: tuple[int, float], done: int, now: float) -> str:
        first, start = first_shown
        state = f"{done}/{self.total} {self.unit}"
        if first < done < self.total:
            return f"{state}  {duration((now - start) / (done - first) * (self.total - done))} left"
        return state


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(42.3), duration(3725)
    ('42 s', '1:02:05')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def end_line() -> None:
    """Ends the line that is being rewritten, if there is one, before something else is written."""
    global _drawn
    if _drawn:
        print(file=sys.stderr, flush=True)
    _drawn = 0


def _draw(text: str) -> None:
    global _drawn
    text = text[: shutil.get_terminal_size().columns - 1]
    print(f"\r{text:<{_drawn}}", end="", file=sys.stderr, flush=True)
    _drawn = len(text)
