"""Distribution strategies: one device, several local devices, or the workers of a cluster."""

import functools
import os

import tensorflow as tf

from .settings import STRATEGIES


def choose(name: str | None = None, replicas: int | None = None) -> tf.distribute.Strategy:
    """The strategy called `name`.

    Args:
      name: "one", only the default device; "mirrored", a MirroredStrategy over `replicas` local
        devices; "multi_worker", a MultiWorkerMirroredStrategy over the processes listed in the
        environment variable TF_CONFIG, each with all its GPUs or its CPU. None: mirrored if there are
        several GPUs or `replicas` is more than 1, else one.
      replicas: of "mirrored"; see `local_strategy`.

    Raises:
      ValueError: an unknown name, fewer devices than `replicas`, no TF_CONFIG for "multi_worker", or
        TensorFlow has already run operations, so devices or workers can no longer be set up.

    >>> from latentzoo.trainers import strategies
    >>> strategies.choose("one").num_replicas_in_sync
    1
    """
    if name not in (None, *STRATEGIES):
        raise ValueError(f"strategy: got {name!r}, expected one of {', '.join(STRATEGIES)}.")
    if name in (None, "mirrored"):
        return local_strategy(replicas)
    if replicas not in (None, 1):
        raise ValueError(f"replicas: got {replicas} with strategy {name!r}, expected strategy 'mirrored'.")
    return tf.distribute.get_strategy() if name == "one" else _multi_worker()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files: true except for workers other than the first."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)


def sum_over_replicas(strategy: tf.distribute.Strategy, value: int) -> int:
    """The sum of `value` over all replicas. Blocks until every replica has called it."""
    total = _summation(strategy)(tf.constant(value, tf.int64))
    return int(strategy.experimental_local_results(total)[0])


@functools.cache
def _summation(strategy):
    def replica_sum(value):
        value = tf.identity(value)  # on the replica's device, as the collective operation requires
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)

    return tf.function(lambda value: strategy.run(replica_sum, args=(value,)), autograph=False)


def split_cpu(replicas: int) -> None:
    """Splits the CPU into `replicas` logical CPUs, to train on several replicas without GPUs.

    Call it before TensorFlow runs any operation, and so before building a model.

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
    """Divides the CPU threads evenly among `parts` parallel computations, for `parallel_micro_batches`.

    Call it before TensorFlow runs any operation.

    Raises:
      ValueError: TensorFlow has already started.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // parts))
    except RuntimeError:
        raise ValueError(
            "TensorFlow has already started, expected share_threads to be called before a model is built."
        ) from None


def local_strategy(replicas: int | None = None) -> tf.distribute.Strategy:
    """A MirroredStrategy over `replicas` local devices, or the default strategy for one device.

    Args:
      replicas: the number of devices; None: every GPU, or one CPU if there is no GPU. Without a GPU,
        N replicas are N logical CPUs (see `split_cpu`).

    Raises:
      ValueError: there are fewer devices than `replicas`.

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
    # One per process: every new MirroredStrategy numbers its all-reduces from the same start, so those
    # of a second model would collide with the first's.
    return tf.distribute.MirroredStrategy(devices)


@functools.cache
def _multi_worker() -> tf.distribute.Strategy:
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec()
    if not cluster.jobs:
        raise ValueError(
            "strategy: got 'multi_worker' without a cluster in the environment variable TF_CONFIG, expected"
            ' {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}.'
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise ValueError(
            f"strategy: multi_worker cannot start ({' '.join(str(error).split())}),"
            " expected strategies.choose('multi_worker') before TensorFlow runs any operation."
        ) from None
