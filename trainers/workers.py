"""What the workers of a training agree on: that it is the only one in its folder, and its step."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf

from .strategies import is_chief, sum_over_replicas
from .workdir import only_training


@contextlib.contextmanager
def alone_in(workdir: str | os.PathLike, strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Inside, no other training is in the folder. The chief sees to that, and its workers learn of it.

    Raises:
      ValueError: another process trains there.
      OSError: the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        refusal = None
        if is_chief(strategy):
            try:
                stack.enter_context(only_training(workdir))
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
    """Waits for all workers, and makes sure that they are at the same step.

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
