"""Warns of failures that the training loss does not show: posterior collapse and mode collapse."""

import warnings
from collections.abc import Callable

from .callbacks import StepCallback, averaged_weights


class CollapseAlarm(StepCallback):
    """Checks for a collapse every `every` steps and after the last, and warns if there is one.

    Args:
      every, last: steps.
      find: returns the text of the warning, or None; called with the averaged weights.
    """

    def __init__(self, every: int, last: int, find: Callable[[], str | None]):
        super().__init__()
        self.every, self.last = every, last
        self.find = find

    def at_step(self, step: int, logs: dict) -> None:
        if step % self.every and step != self.last:
            return
        with averaged_weights(self.model):
            found = self.find()
        if found:
            warnings.warn(f"step {step}: {found}", stacklevel=2)
