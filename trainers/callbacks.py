"""What happens in training beside its steps: evaluate, draw, checkpoint, stop. All are Keras callbacks."""

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
    """Calls `at_step(step, logs)` after every step, numbered from 1 over all runs of a training."""

    def on_train_batch_end(self, batch, logs=None):
        self.at_step(self.model.steps, logs)

    def at_step(self, step: int, logs: dict) -> None:
        raise NotImplementedError


class StopAtStep(StepCallback):
    """Stops `fit` after step `last`, which need not end an epoch of Keras's."""

    def __init__(self, last: int):
        super().__init__()
        self.last = last

    def at_step(self, step, logs):
        self.model.stop_training = step >= self.last


class StopAtNaN(StepCallback):
    """Ends the training when the optimizer has passed over too many steps with a gradient not finite.

    Args:
      checkpoints: names the last good one in the error.
      limit: how many such steps in a row; 1 stops at the first.

    Raises:
      ValueError: in training, with the step and the first variable concerned.
    """

    def __init__(self, checkpoints: Checkpoints, limit: int):
        super().__init__()
        self.checkpoints = checkpoints
        self.limit = limit

    def at_step(self, step, logs):
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
            self.model.reset_metrics()  # the mean loss is not finite for good


class Evaluation(StepCallback):
    """After every `every` steps and the last, adds a line to metrics.jsonl and scalars to TensorBoard.

    The line has step, loss (training, mean since the line before), learning_rate, images_per_second, and
    what else the model's training logs; `skipped` if steps were; and the value of the metric that
    `evaluate` gives under its name, standard_error and num_examples. When it is the best so far, by the
    direction that the metric declares, the averaged weights are kept as the preset folder `best`; by a metric
    of which neither direction is better, none are. The progress bar shows the loss by its name, and
    images_per_second.

    Args:
      workdir: the folder of the training.
      every, last: steps.
      batch_size: over all replicas.
      evaluate: gives the one entry of `metrics.evaluate`, or none; called with the averaged weights in
        place.
      shown: examples and their labels or conditions, or None, of the model's `training_histograms`.
      checkpoints: remember the best value.

    Raises:
      ValueError: in training, when the loss is not finite.
    """

    def __init__(
        self,
        workdir: Path,
        every: int,
        last: int,
        batch_size: int,
        evaluate: Callable[[], list[dict]],
        shown: tuple,
        checkpoints: Checkpoints,
    ):
        super().__init__()
        self.workdir = workdir
        self.board = Board(workdir)
        self.every, self.last = every, last
        self.batch_size = batch_size
        self.evaluate = evaluate
        self.shown = shown
        self.checkpoints = checkpoints

    def on_train_begin(self, logs=None):
        self.numbers: dict[str, float] = {}  # shown beside the loss, until there are new ones
        self.started, self.is_first = None, True

    def on_train_batch_begin(self, batch, logs=None):
        if self.started is None:  # what happens between the steps is not counted
            self.first_step, self.started = self.model.steps, time.monotonic()

    def at_step(self, step, logs):
        seconds = time.monotonic() - self.started
        self.numbers["images_per_second"] = (step - self.first_step) * self.batch_size / seconds
        if step % self.every == 0 or step == self.last:
            self._log(step, logs)
            self.started = None
        if self.is_first:  # its time went into tracing
            self.started, self.is_first = None, False
        self._show(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._show(logs)

    def _show(self, logs):
        """Makes of Keras's logs what is shown of them."""
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
            # A mean of nothing is NaN: a lazy step of a GAN that has not come.
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
        cost = metric_of(entry).cost(entry["value"])
        if cost < self.checkpoints.best.numpy():
            self.checkpoints.best.assign(cost)
            self.model.save_to_preset(self.workdir / "best", {"metrics": [entry]})

    def _write_histograms(self, step):
        with self.board.at(step):
            examples, beside = self.shown
            of_examples = self.model.condition.keywords(beside)
            for name, values in self.model.training_histograms(examples, **of_examples).items():
                tf.summary.histogram(name, values)


class ResetMeans(StepCallback):
    """Makes the means that `fit` reports be over the steps since the last line of the log.

    Keras resets them at the start of its epochs, which after a resume need not begin where a line ends.
    Every worker needs it.

    Args:
      every, last: the steps after which `Evaluation` writes a line.
    """

    def __init__(self, every: int, last: int):
        super().__init__()
        self.every, self.last = every, last

    def on_train_begin(self, logs=None):
        self.means = RunningMeans(self.model)
        self.means.take()  # those of the checkpoint, after a resume

    def on_epoch_begin(self, epoch, logs=None):
        self.means.put_back()

    def on_epoch_end(self, epoch, logs=None):
        self.means.take()

    def at_step(self, step, logs):
        if step % self.every == 0 or step == self.last:
            self.model.reset_metrics()


class SampleGrid(StepCallback):
    """After every `every` steps and the last, draws samples of the same `num` latents.

    They become a PNG and a TensorBoard image. Does nothing for a model of vectors, that has no samples, or
    whose samples need other conditions than classes.
    """

    def __init__(self, workdir: Path, every: int, last: int, num: int = 16):
        super().__init__()
        self.folder = workdir / "grids"
        self.board = Board(workdir)
        self.every, self.last = every, last
        self.num = num

    def at_step(self, step, logs):
        if not self.model.draws_images or (step % self.every and step != self.last):
            return
        classes = self.model.num_classes
        if self.model.condition and not classes:
            return
        labels = np.arange(self.num) % classes if classes else None
        try:
            with averaged_weights(self.model):
                images = self.model.sample(self.num, seed=0, labels=labels)
        except ValueError as error:  # a flow in its first steps may overflow: no reason to stop the training
            warnings.warn(f"no grid of samples at step {step}: {error}", stacklevel=2)
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

    def on_train_begin(self, logs=None):
        self.saved = time.monotonic()

    def at_step(self, step, logs):
        due = time.monotonic() - self.saved >= self.seconds or (self.every and step % self.every == 0)
        if due or step == self.last:
            self.checkpoints.save(step)
            self.saved = time.monotonic()


class Preempted(SystemExit):
    """Training was asked to stop by SIGTERM, and has: exit code 0, the checkpoint is written."""

    def __init__(self, step: int):
        super().__init__(0)
        self.step = step


class Preemption(StepCallback):
    """On SIGTERM, finishes the step, saves a checkpoint and raises `Preempted`. After the last step it
    lets the training finish.

    Listens within a `with`, in the main thread alone: Python allows no other. Where there are several
    workers, a signal to any of them stops all at the same step.

    Args:
      chief: whether this process writes files.

    Attributes:
      checkpoints: saved to by the chief; set before the first step, for the signal may come before.
    """

    checkpoints: Checkpoints

    def __init__(self, chief: bool = True):
        super().__init__()
        self.chief = chief
        self.asked = False

    def __enter__(self):
        self.listens = threading.current_thread() is threading.main_thread()
        if self.listens:
            self.before = signal.signal(signal.SIGTERM, self._ask)
            outer = getattr(self.before, "__self__", None)  # of the command, which may have heard it already
            self.asked = isinstance(outer, Preemption) and outer.asked
        return self

    def __exit__(self, *exception):
        if self.listens:
            signal.signal(signal.SIGTERM, self.before)

    def at_step(self, step, logs):
        if self._any_asked():
            if self.chief:
                self.checkpoints.save(step)
            raise Preempted(step)

    def _any_asked(self):
        strategy = self.model.distribute_strategy
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return sum_over_replicas(strategy, int(self.asked)) > 0
        return self.asked

    def _ask(self, *_):
        self.asked = True


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Puts the averaged weights into `model` for the length of a `with`.

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
    """A number as JSON has it, or None."""
    return float(value) if math.isfinite(value) else None


def _skipped_in_a_row(optimizer):
    return int(optimizer.skipped_in_a_row.numpy())
