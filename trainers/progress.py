"""The progress of a training run, on standard error."""

from ..zoo.progress import Progress
from .callbacks import StepCallback

# Only in metrics.jsonl.
_NOT_SHOWN = {"learning_rate", "standard_error", "num_examples"}


class ShowProgress(StepCallback):
    """Shows the step, the time left, and the metrics of the last evaluation.

    On a terminal, one line is updated in place; otherwise a line is printed every `every` steps.

    Args:
      every, last: steps.
      as_lines: print lines on a terminal too.
    """

    def __init__(self, every: int, last: int, as_lines: bool = False):
        super().__init__()
        self.every, self.last = every, last
        self.as_lines = as_lines

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.progress = Progress(self.last, "steps")

    def at_step(self, step: int, logs: dict) -> None:
        is_line = step % self.every == 0 or step == self.last
        if is_line or not self.as_lines:
            numbers = {name: value for name, value in logs.items() if name not in _NOT_SHOWN}
            text = "  ".join(f"{name}: {float(value):.4g}" for name, value in numbers.items())
            self.progress.update(step, text, line=is_line)
