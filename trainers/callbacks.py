"""Keras callbacks of a training run: evaluation, sample grids, checkpoints, stopping."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import contextlib
import json
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..metrics.register import metric_of
from ..zoo import pictures
from .checkpoints import Checkpoints, RunningMeans
from .strategies import sum_over_replicas
from .tensorboard import Board
from .workdir import append_line, naming


class StepCallback(keras.callbacks.Callback):
    """Calls `at_step(step, logs)` after every step, counted from 1 across resumed runs."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.at_step(self.model.steps, {} if logs is None else logs)

    def at_step(self, step: int, logs: dict) -> None:
        raise NotImplementedError


class StopAtStep(StepCallback):
    """Stops `fit` after step `last`, even in the middle of a Keras epoch."""

    def __init__(self, last: int):
        super().__init__()
        self.last = last

    def at_step(self, step: int, logs: dict) -> None:
        self.model.stop_training = step >= self.last


class StopAtNaN(StepCallback):
    """Raises an error when the optimizer skips too many steps in a row because of non-finite gradients.

    Args:
      checkpoints: the error names the newest one.
      limit: number of such steps in a row; 1 stops at the first.

    Raises:
      ValueError: during training, with the step and the first affected variable.
    """

    def __init__(self, checkpoints: Checkpoints, limit: int):
        super().__init__()
        self.checkpoints = checkpoints
        self.limit = limit

    def at_step(self, step: int, logs: dict) -> None:
        optimizer = max(self.model.optimizers, key=_skipped_in_a_row)
        skipped = _skipped_in_a_row(optimizer)
        if skipped >= self.limit:
            raise ValueError(
                f"learning_rate: at step {step} the gradient of {optimizer.first_bad_path} is not finite"
                f"{f' ({skipped} steps in a row)' if skipped > 1 else ''}, expected a finite one;"
                f" the last good checkpoint is {self.checkpoints.newest or 'none'};"
                " try a lower learning_rate or clip_norm."
            )
        if skipped:
            self.model.reset_metrics()  # or the mean loss would stay non-finite


class Evaluation(StepCallback):
    """Evaluates every `every` steps and after the last; logs to metrics.jsonl and TensorBoard.

    Each line of metrics.jsonl has step, loss (the mean training loss since the previous line),
    learning_rate, images_per_second and the model's other training metrics; `skipped`, if steps were
    skipped; and the metric that `evaluate` returns, under its name, with standard_error and num_examples.
    When that metric is the best so far, in the direction that it declares, the averaged weights are saved
    as the preset folder `best`. A metric that declares no direction saves none. The progress bar shows the
    loss under its own name, and images_per_second.

    Args:
      workdir: the folder of the training run.
      every, last: steps.
      batch_size: over all replicas.
      evaluate: returns the single entry of `metrics.evaluate`, or an empty list; called with the averaged
        weights.
      examples: images and their labels or conditions (or None) for the model's `training_histograms`.
      checkpoints: store the best value.

    Raises:
      ValueError: during training, if the loss is not finite.
    """

    def __init__(
        self,
        workdir: Path,
        every: int,
        last: int,
        batch_size: int,
        evaluate: Callable[[], list[dict]],
        examples: tuple[np.ndarray, np.ndarray | None],
        checkpoints: Checkpoints,
    ):
        super().__init__()
        self.workdir = workdir
        self.board = Board(workdir)
        self.every, self.last = every, last
        self.batch_size = batch_size
        self.evaluate = evaluate
        self.examples = examples
        self.checkpoints = checkpoints

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.numbers: dict[str, float] = {}  # shown next to the loss until the next evaluation
        self.started: float | None = None
        self.is_first = True

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self.started is None:  # excludes evaluation and checkpoints from the timing
            self.first_step, self.started = self.model.steps, time.monotonic()

    def at_step(self, step: int, logs: dict) -> None:
        assert self.started is not None  # `on_train_batch_begin` set it
        seconds = time.monotonic() - self.started
        self.numbers["images_per_second"] = (step - self.first_step) * self.batch_size / seconds
        if step % self.every == 0 or step == self.last:
            self._log(step, logs)
            self.started = None
        if self.is_first:  # mostly tracing time
            self.started, self.is_first = None, False
        self._show(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._show(logs)

    def _show(self, logs):
        """Changes Keras's logs into what the progress bar shows."""
        logs[self.model.loss_name] = logs.pop("loss")
        logs |= self.numbers

    def _log(self, step, logs):
        loss = float(logs["loss"])
        skipped = sum(int(optimizer.skipped.numpy()) for optimizer in self.model.optimizers)
        if not math.isfinite(loss) and not skipped:
            raise ValueError(
                f"learning_rate: the loss became {loss} in steps {self.first_step} to {step},"
                " expected a finite one; try a lower learning_rate or clip_norm."
            )
        scalars = {
            "loss": _finite(loss),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "images_per_second": self.numbers["images_per_second"],
            # An empty mean is NaN: the loss of a GAN's lazy step that has not run yet.
            **{k: _finite(value) for k, value in logs.items() if k != "loss" and not math.isnan(value)},
        }
        if skipped:
            scalars["skipped"] = skipped
        with averaged_weights(self.model):
            for entry in self.evaluate():
                scalars |= {entry["name"]: entry["value"]}
                scalars |= {key: entry[key] for key in ("standard_error", "num_examples")}
                self.numbers[f"eval_{entry['name']}"] = entry["value"]
                self._keep_best(entry)
            self._write_histograms(step)
        append_line(self.workdir / "metrics.jsonl", json.dumps({"step": step, **scalars}))
        with self.board.at(step):
            for name, value in scalars.items():
                if value is not None:
                    tf.summary.scalar(name, value)

    def _keep_best(self, entry):
        metric = metric_of(entry)
        assert metric is not None, entry  # `metrics.evaluate` returns registered metrics
        cost = metric.cost(entry["value"])
        if cost < self.checkpoints.best.numpy():
            self.checkpoints.best.assign(cost)
            self.model.save_to_preset(self.workdir / "best", {"metrics": [entry]})

    def _write_histograms(self, step):
        with self.board.at(step):
            examples, conditions = self.examples
            keywords = self.model.condition.keywords(conditions)
            for name, values in self.model.training_histograms(examples, **keywords).items():
                tf.summary.histogram(name, values)


class ResetMeans(StepCallback):
    """Resets the means that `fit` reports when `Evaluation` logs, and only then.

    Keras resets them at the start of each epoch, which after a resume may fall between two log lines.
    Every worker needs this callback.

    Args:
      every, last: the steps of `Evaluation`.
    """

    def __init__(self, every: int, last: int):
        super().__init__()
        self.every, self.last = every, last

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.means = RunningMeans(self.model)
        self.means.take()  # after a resume, those of the checkpoint

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.means.put_back()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.means.take()

    def at_step(self, step: int, logs: dict) -> None:
        if step % self.every == 0 or step == self.last:
            self.model.reset_metrics()


class SampleGrid(StepCallback):
    """Saves a grid of samples every `every` steps and after the last, as a PNG and to TensorBoard.

    The `num` latents stay the same. Does nothing for a model of vectors, one that cannot sample, or one
    whose samples need conditions other than classes.
    """

    def __init__(self, workdir: Path, every: int, last: int, num: int = 16):
        super().__init__()
        self.folder = workdir / "grids"
        self.board = Board(workdir)
        self.every, self.last = every, last
        self.num = num

    def at_step(self, step: int, logs: dict) -> None:
        if not self.model.draws_images or (step % self.every and step != self.last):
            return
        classes = self.model.num_classes
        if self.model.condition and not classes:
            return
        labels = np.arange(self.num) % classes if classes else None
        try:
            with averaged_weights(self.model):
                images = self.model.sample(self.num, seed=0, labels=labels)
        except ValueError as error:  # a flow may overflow in its first steps
            warnings.warn(f"no sample grid at step {step}: {error}", stacklevel=2)
            return
        grid = pictures.grid(np.nan_to_num(images))
        with naming(self.folder):
            self.folder.mkdir(exist_ok=True)
            pictures.save_png(grid, self.folder / f"{step:08d}.png")
        with self.board.at(step):
            tf.summary.image("samples", grid[None])


class SaveCheckpoint(StepCallback):
    """Saves a checkpoint after every `every` steps or `minutes`, and after the last step."""

    def __init__(self, checkpoints: Checkpoints, every: int | None, minutes: float | None, last: int):
        super().__init__()
        self.checkpoints = checkpoints
        self.every, self.last = every, last
        self.seconds = math.inf if minutes is None else 60 * minutes

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.saved = time.monotonic()

    def at_step(self, step: int, logs: dict) -> None:
        due = time.monotonic() - self.saved >= self.seconds or (self.every and step % self.every == 0)
        if due or step == self.last:
            self.checkpoints.save(step)
            self.saved = time.monotonic()


class Preempted(SystemExit):
    """Training stopped on SIGTERM after writing a checkpoint; the exit code is 0."""

    def __init__(self, step: int):
        super().__init__(0)
        self.step = step


class Preemption(StepCallback):
    """On SIGTERM, finishes the step, saves a checkpoint and raises `Preempted`.

    A signal after the last step lets training finish. Use it as a context manager, in the main thread:
    Python handles signals in no other. With several workers, a signal to any of them stops all at the same
    step.

    Args:
      chief: whether this process writes files.

    Attributes:
      checkpoints: where the chief saves; set before the first step.
    """

    checkpoints: Checkpoints

    def __init__(self, chief: bool = True):
        super().__init__()
        self.chief = chief
        self.stop_requested = False

    def __enter__(self):
        self.handles_signal = threading.current_thread() is threading.main_thread()
        if self.handles_signal:
            self.before = signal.signal(signal.SIGTERM, self._request_stop)
            outer = getattr(
                self.before, "__self__", None
            )  # the command's, which may have received it already
            self.stop_requested = isinstance(outer, Preemption) and outer.stop_requested
        return self

    def __exit__(self, *exception):
        if self.handles_signal:
            signal.signal(signal.SIGTERM, self.before)

    def at_step(self, step: int, logs: dict) -> None:
        if self._any_worker_stops():
            if self.chief:
                self.checkpoints.save(step)
            raise Preempted(step)

    def _any_worker_stops(self):
        strategy = self.model.distribute_strategy
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return sum_over_replicas(strategy, int(self.stop_requested)) > 0
        return self.stop_requested

    def _request_stop(self, *_):
        self.stop_requested = True


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Swaps the averaged weights into `model` inside the context.

    Does nothing if training keeps no averages.
    """
    if not model.has_averages:
        yield
        return
    raw = [variable.numpy() for variable in model.trainable_variables]
    model.use_averages()
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, raw, strict=True):
            variable.assign(value)


def _finite(value) -> float | None:
    """The value as a JSON number, or None if it is not finite."""
    return float(value) if math.isfinite(value) else None


def _skipped_in_a_row(optimizer):
    return int(optimizer.skipped_in_a_row.numpy())
