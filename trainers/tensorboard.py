"""Writes TensorBoard summaries of a training run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from .workdir import naming


class Board:
    """The folder `tensorboard` of a training run.

    Args:
      workdir: the folder of the run.

    Raises:
      OSError: it cannot be written.
    """

    def __init__(self, workdir: Path):
        self._folder = workdir / "tensorboard"
        with naming(self._folder):
            self._writer = tf.summary.create_file_writer(str(self._folder))

    @contextlib.contextmanager
    def at(self, step: int) -> Iterator[None]:
        """`tf.summary` functions inside the context write for this step; flushes at the end.

        Raises:
          OSError: it cannot be written.
        """
        with naming(self._folder), self._writer.as_default(step):
            yield
            self._writer.flush()
