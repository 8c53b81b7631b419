"""How far a training is, on standard error."""

from ..zoo.progress import Progress
from .callbacks import StepCallback

# What is in metrics.jsonl alone.
_NOT_SHOWN = {"learning_rate", "standard_error", "num_examples"}


class ShowProgress(StepCallback):
    """Shows the step, the time left, and the numbers of the last evaluation.

    At a terminal that is one line, rewritten; elsewhere, or with `as_lines`, a line after `every` steps.

    Args:
      every, last: steps.
    """

    def __init__(self, every: int, last: int, as_lines: bool = False):
        super().__init__()
        self.every, self.last = every, last
        self.as_lines = as_lines

    def on_train_begin(self, logs=None):
        self.progress = Progress(self.last, "steps")

    def at_step(self, step, logs):
        is_line = step % self.every == 0 or step == self.last
        if is_line or not self.as_lines:
            numbers = {name: value for name, value in logs.items() if name not in _NOT_SHOWN}
            text = "  ".join(f"{name}: {float(value):.4g}" for name, value in numbers.items())
            self.progress.update(step, text, line=is_line)
