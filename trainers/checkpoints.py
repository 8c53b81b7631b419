"""Checkpoints of a training: all that the next step depends on, written whole or not at all."""

import math
import shutil
import warnings
from pathlib import Path

import keras
import tensorflow as tf


class Checkpoints:
    """The newest checkpoints in a folder: weights, optimiser slots, averages, step, best value so far.

    The position in the data and the random numbers of a step follow from its number, so they need no
    place in it. TensorFlow writes a checkpoint under a temporary name and renames it.

    Args:
      model: compiled, its optimisers built.
      folder: of the checkpoints, made at the first `save`.
      keep: how many are kept.

    Attributes:
      best: the lowest value of the first metric so far, as a variable.
    """

    def __init__(self, model: keras.Model, folder: Path, keep: int = 2):
        self.best = tf.Variable(math.inf, dtype=tf.float64, trainable=False)
        checkpoint = tf.train.Checkpoint(
            model=[variable.value for variable in model.variables],
            training=model.training_variables,
            best=self.best,
        )
        self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)

    @property
    def newest(self) -> str | None:
        """The path of the newest checkpoint, without suffix."""
        return self._manager.latest_checkpoint

    def save(self, step: int) -> None:
        """Saves the state after `step`.

        Raises:
          OSError: it cannot be written; those before it are whole.
        """
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            raise OSError(
                f"workdir: the checkpoint of step {step} cannot be written ({_line(error)});"
                f" the newest whole one is {self.newest or 'none'}."
            ) from None

    def restore(self) -> str | None:
        """Restores the newest checkpoint that is whole; warns of damaged ones. None: there is none.

        Raises:
          ValueError: there are checkpoints, all damaged.
        """
        for path in reversed(self._manager.checkpoints):
            try:
                self._manager.checkpoint.restore(path).assert_consumed()
                return path
            except Exception as error:  # of many bases: IndexError for a file that was cut
                warnings.warn(
                    f"checkpoint {path} is damaged, the one before is used: {_line(error)}", stacklevel=3
                )
        if self._manager.checkpoints:
            raise ValueError(
                f"workdir: all checkpoints in {self._manager.directory} are damaged, expected a whole one."
            )
        return None

    def remove_unfinished(self) -> None:
        """Removes what a process left that was killed while it wrote."""
        for path in Path(self._manager.directory).glob("*_temp"):
            shutil.rmtree(path)


def _line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
