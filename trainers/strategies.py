"""Where training runs: one device, or a MirroredStrategy over the local ones."""

import functools
import os

import tensorflow as tf


def split_cpu(replicas: int) -> None:
    """Splits the processor into `replicas` logical CPUs, to train on several replicas without GPUs.

    Call it before TensorFlow runs anything (before a model is built).

    Raises:
      ValueError: TensorFlow has already started with fewer logical CPUs.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) >= replicas:
        return
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    except RuntimeError:
        raise ValueError(
            f"replicas: got {replicas}, but TensorFlow has already started with fewer CPUs;"
            " expected split_cpu to be called before a model is built."
        ) from None


def share_threads(parts: int) -> None:
    """Gives each of `parts` things that run side by side its share of the processor's threads.

    For `Flow.batch_parts`. Call it before TensorFlow runs anything.

    Raises:
      ValueError: TensorFlow has already started.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, os.cpu_count() // parts))
    except RuntimeError:
        raise ValueError(
            "TensorFlow has already started, expected share_threads to be called before a model is built."
        ) from None


def local_strategy(replicas: int | None = None) -> tf.distribute.Strategy:
    """A MirroredStrategy over `replicas` local devices, or the default strategy for one device.

    Args:
      replicas: how many devices; None takes every GPU, or the one processor where there is none.
        Where there is no GPU, N replicas are N logical CPUs (see `split_cpu`).

    Raises:
      ValueError: fewer devices are there than `replicas`.

    >>> from latentzoo.trainers.strategies import local_strategy
    >>> local_strategy(replicas=1).num_replicas_in_sync
    1
    """
    if replicas is not None and replicas < 1:
        raise ValueError(f"replicas: got {replicas}, expected at least 1.")
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and replicas is not None:
        split_cpu(replicas)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if replicas is None:
        replicas = len(devices) if kind == "GPU" else 1
    if replicas > len(devices):
        raise ValueError(f"replicas: got {replicas}, expected at most {len(devices)} ({kind}s).")
    if replicas == 1:
        return tf.distribute.get_strategy()
    return _mirrored(tuple(devices[:replicas]))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # One for the process: TensorFlow numbers the all-reduces of every new MirroredStrategy from the
    # same start, and those of a second model then collide with the first's.
    return tf.distribute.MirroredStrategy(devices)
