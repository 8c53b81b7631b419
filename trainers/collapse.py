"""The alarms of a training that goes wrong without its loss telling: posterior and mode collapse."""

import warnings
from collections.abc import Callable

from .callbacks import StepCallback, averaged_weights


class CollapseAlarm(StepCallback):
    """After every `every` steps and the last, warns if `find()` finds a collapse.

    Args:
      every, last: steps.
      find: gives a sentence, or None if all is well; called with the averaged weights in place.
    """

    def __init__(self, every: int, last: int, find: Callable[[], str | None]):
        super().__init__()
        self.every, self.last = every, last
        self.find = find

    def at_step(self, step, logs):
        if step % self.every and step != self.last:
            return
        with averaged_weights(self.model):
            sentence = self.find()
        if sentence:
            warnings.warn(f"step {step}: {sentence}", stacklevel=2)
