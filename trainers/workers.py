"""Coordination of the workers of a training run: exclusive use of the workdir, and the current step."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf

from .strategies import is_chief, sum_over_replicas
from .workdir import lock_workdir


@contextlib.contextmanager
def exclusive_workdir(workdir: str | os.PathLike, strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Holds the lock of the workdir inside the context; if the chief cannot take it, all workers fail.

    Raises:
      ValueError: another process trains there.
      OSError: the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        refusal = None
        if is_chief(strategy):
            try:
                stack.enter_context(lock_workdir(workdir))
            except (ValueError, OSError) as error:
                refusal = error
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and sum_over_replicas(
            strategy, int(refusal is not None)
        ):
            refusal = refusal or ValueError(f"workdir: the first worker cannot train in '{workdir}'.")
        if refusal:
            raise refusal
        yield


def check_workers_agree(strategy: tf.distribute.Strategy, step: int) -> None:
    """Waits for all workers and checks that they are at the same step.

    Raises:
      ValueError: they are not.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    total, count = sum_over_replicas(strategy, step), strategy.num_replicas_in_sync
    if total != step * count:
        raise ValueError(
            f"workdir: this worker is at step {step}, the mean over all is {total / count:g};"
            " expected one folder that all workers share."
        )
