"""Checkpoints: all state that the next training step depends on, written atomically."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import contextlib
import math
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from ..zoo import folders

_INDEX = re.compile(r"ckpt-(\d{1,18})\.index")
_FILE = re.compile(r"ckpt-(\d{1,18})[._].*")


class Checkpoints:
    """The newest checkpoints in a folder: weights, optimizer slots, averages, step, best value so far.

    The position in the data and the random numbers of a step follow from its number and are not stored.
    TensorFlow writes a checkpoint under temporary names and renames them, the index last, so an index marks
    a complete checkpoint. The file `checkpoint` lists them for other tools.

    Args:
      model: compiled, with built optimizers.
      folder: created by the first `save`.
      keep: the number of checkpoints to keep.

    Attributes:
      best: a variable, the lowest cost of the evaluation metric so far.
    """

    def __init__(self, model: keras.Model, folder: Path, keep: int = 2):
        self.best = tf.Variable(math.inf, dtype=tf.float64, trainable=False)
        self._means = RunningMeans(model)
        self._checkpoint = tf.train.Checkpoint(
            model=[variable.value for variable in model.variables],
            training=model.training_variables,
            best=self.best,
            means=self._means.saved,
        )
        self._folder = Path(folder)
        self._keep = keep
        # With several workers, only the chief saves, and it cannot read the other workers' sums. There the
        # first log line after a resume is the mean over the steps since the resume.
        several = isinstance(model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._saves_means = not several

    @property
    def newest(self) -> str | None:
        """The path of the newest checkpoint, without suffix."""
        steps = self._steps()
        return str(self._path(steps[-1])) if steps else None

    def save(self, step: int) -> None:
        """Saves the state after `step`.

        Raises:
          OSError: it cannot be written; earlier checkpoints stay intact.
        """
        if self._saves_means:
            self._means.take()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _literal(self._folder) as folder:
                self._checkpoint.write(str(folder / f"ckpt-{step}"))
            kept = [before for before in self._steps() if before <= step][-self._keep :]
            self._remove_all_but(kept)
            self._write_list([f"ckpt-{number}" for number in kept])
        except (tf.errors.OpError, OSError) as error:
            raise OSError(
                f"workdir: the checkpoint of step {step} cannot be written ({_line(error)});"
                f" the newest complete one is {self.newest or 'none'}."
            ) from None

    def restore(self) -> str | None:
        """Restores the newest intact checkpoint and warns about damaged ones.

        Returns:
          Its path without suffix, or None if the folder has no checkpoint.

        Raises:
          ValueError: all checkpoints are damaged.
        """
        steps = self._steps()
        for step in reversed(steps):
            try:
                with _literal(self._folder) as folder:
                    self._checkpoint.read(str(folder / f"ckpt-{step}")).assert_consumed()
                self._means.put_back()
                return str(self._path(step))
            except Exception as error:  # of many kinds, such as IndexError for a truncated file
                warnings.warn(
                    f"checkpoint {self._path(step)} is damaged, using the one before it: {_line(error)}",
                    stacklevel=3,
                )
        if steps:
            raise ValueError(
                f"workdir: all checkpoints in {self._folder} are damaged, expected an intact one."
            )
        return None

    def remove_unfinished(self) -> None:
        """Removes the files of a process that was killed while writing a checkpoint."""
        self._remove_all_but(self._steps())

    def _write_list(self, names):
        """Writes the file that `tf.train.latest_checkpoint` reads."""
        lines = [f'model_checkpoint_path: "{names[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
        with folders.replacing(self._folder / "checkpoint") as scratch:
            scratch.write_text("\n".join(lines) + "\n")

    def _path(self, step):
        return self._folder / f"ckpt-{step}"

    def _steps(self):
        """The steps of the checkpoints in the folder, ascending."""
        paths = self._folder.iterdir() if self._folder.is_dir() else ()
        names = (path.name for path in paths if path.is_file())  # TensorFlow would block on a pipe
        return sorted(int(match[1]) for match in map(_INDEX.fullmatch, names) if match)

    def _remove_all_but(self, steps):
        if not self._folder.is_dir():
            return
        # The index first: without it the other files are no checkpoint, even if the process dies here.
        for path in sorted(self._folder.iterdir(), key=lambda path: path.suffix != ".index"):
            match = _FILE.fullmatch(path.name)
            if match and path.is_dir():  # TensorFlow had not renamed it yet
                shutil.rmtree(path)
            elif match and int(match[1]) not in steps:
                path.unlink()


class RunningMeans:
    """The running means that `fit` reports, such as the loss.

    Args:
      model: compiled.

    Attributes:
      saved: a copy of their variables, for a checkpoint.
    """

    def __init__(self, model: keras.Model):
        self._variables = [variable for metric in model.metrics for variable in metric.variables]
        self.saved = [
            tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
            for variable in self._variables
        ]

    def take(self) -> None:
        """Copies the means to `saved`. All workers must call it, since each holds part of the sums."""
        for variable, saved in zip(self._variables, self.saved, strict=True):
            saved.assign(variable.numpy())

    def put_back(self) -> None:
        """Copies `saved` back to the means."""
        for variable, saved in zip(self._variables, self.saved, strict=True):
            variable.assign(saved.numpy())


@contextlib.contextmanager
def _literal(folder: Path) -> Iterator[Path]:
    """A path of `folder` without [, ?, * and \\, which TensorFlow interprets as patterns."""
    if not set(str(folder.absolute())) & set("[]?*\\"):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="latentzoo-") as scratch:
        link = Path(scratch) / "checkpoints"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


def _line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
