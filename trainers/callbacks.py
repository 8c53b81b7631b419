"""What happens between units of training: evaluate, draw, checkpoint. All are Keras callbacks.

A unit is one epoch of Keras's `fit`, `checkpoint_every` steps.
"""

import contextlib
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..zoo import pictures


class StopAtStep(keras.callbacks.Callback):
    """Stops `fit` after `remaining` batches, which need not be whole units."""

    def __init__(self, remaining: int):
        super().__init__()
        self.remaining = remaining

    def on_train_batch_end(self, batch, logs=None):
        self.remaining -= 1
        if self.remaining <= 0:
            self.model.stop_training = True


class Evaluation(keras.callbacks.Callback):
    """After each unit, adds a line to metrics.jsonl and scalars to TensorBoard.

    The line has step, loss (training, mean over the unit), learning_rate, images_per_second; and
    with `evaluate`, each metric's value under its name, standard_error and num_examples.

    Args:
      workdir: the folder of the training.
      batch_size: over all replicas.
      evaluate: gives the entries of `metrics.evaluate`; called with the averaged weights in place.

    Raises:
      ValueError: in training, when the loss is not finite.
    """

    def __init__(self, workdir: Path, batch_size: int, evaluate: Callable[[], list[dict]] | None = None):
        super().__init__()
        self.log = workdir / "metrics.jsonl"
        self.writer = tf.summary.create_file_writer(str(workdir / "tensorboard"))
        self.batch_size = batch_size
        self.evaluate = evaluate

    def on_epoch_begin(self, epoch, logs=None):
        self.first_step = int(self.model.optimizer.iterations.numpy())
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        seconds = time.monotonic() - self.started
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise ValueError(
                f"learning_rate: the loss became {loss} in steps {self.first_step} to {step},"
                " expected a finite one; try a lower learning_rate or clip_norm."
            )
        scalars = {
            "loss": loss,
            "learning_rate": float(self.model.optimizer.learning_rate),
            "images_per_second": (step - self.first_step) * self.batch_size / seconds,
        }
        if self.evaluate:
            with averaged_weights(self.model):
                for entry in self.evaluate():
                    scalars[entry["name"]] = entry["value"]
                    scalars["standard_error"] = entry["standard_error"]
                    scalars["num_examples"] = entry["num_examples"]
                    logs[entry["name"]] = entry["value"]  # shown by the progress bar
        with self.log.open("a") as file:
            file.write(json.dumps({"step": step, **scalars}) + "\n")
        with self.writer.as_default(step):
            for name, value in scalars.items():
                if value is not None:
                    tf.summary.scalar(name, value)
        self.writer.flush()


class SampleGrid(keras.callbacks.Callback):
    """After each unit, draws samples of the same `num` latents: a PNG and a TensorBoard image.

    Does nothing for a model of vectors.
    """

    def __init__(self, workdir: Path, num: int = 16):
        super().__init__()
        self.folder = workdir / "grids"
        self.writer = tf.summary.create_file_writer(str(workdir / "tensorboard"))
        self.num = num

    def on_epoch_end(self, epoch, logs=None):
        if len(self.model.event_shape) != 3:
            return
        step = int(self.model.optimizer.iterations.numpy())
        classes = self.model.num_classes
        labels = np.arange(self.num) % classes if classes else None
        with averaged_weights(self.model):
            images = self.model.sample(self.num, seed=0, labels=labels)
        # A flow in its first steps may sample infinities: no reason to stop the training.
        grid = pictures.grid(np.nan_to_num(images))
        self.folder.mkdir(exist_ok=True)
        pictures.save_png(grid, self.folder / f"{step:08d}.png")
        with self.writer.as_default(step):
            tf.summary.image("samples", grid[None])
        self.writer.flush()


class Checkpoint(keras.callbacks.Callback):
    """After each unit, saves the raw weights and the optimiser's state under the step's number."""

    def __init__(self, manager: tf.train.CheckpointManager):
        super().__init__()
        self.manager = manager

    def on_epoch_end(self, epoch, logs=None):
        self.manager.save(checkpoint_number=int(self.model.optimizer.iterations.numpy()))


class Preempted(SystemExit):
    """Training was asked to stop by SIGTERM, and has: exit code 0, the checkpoint is written."""

    def __init__(self, step: int):
        super().__init__(0)
        self.step = step


class Preemption(keras.callbacks.Callback):
    """On SIGTERM, finishes the step, saves a checkpoint and raises `Preempted`.

    Listens within a `with`, in the main thread alone: Python allows no other.
    """

    def __init__(self, manager: tf.train.CheckpointManager):
        super().__init__()
        self.manager = manager
        self.asked = False

    def __enter__(self):
        self.listens = threading.current_thread() is threading.main_thread()
        if self.listens:
            self.before = signal.signal(signal.SIGTERM, self._ask)
        return self

    def __exit__(self, *exception):
        if self.listens:
            signal.signal(signal.SIGTERM, self.before)

    def on_train_batch_end(self, batch, logs=None):
        if self.asked:
            step = int(self.model.optimizer.iterations.numpy())
            self.manager.save(checkpoint_number=step)
            raise Preempted(step)

    def _ask(self, *_):
        self.asked = True


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Puts the optimiser's averaged weights into `model` for the length of a `with`.

    Does nothing if the optimiser keeps no averages (`use_ema=False`).
    """
    if not model.optimizer.use_ema:
        yield
        return
    raw = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, raw, strict=True):
            variable.assign(value)
