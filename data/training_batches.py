"""An infinite stream of training batches."""

from collections.abc import Sequence

import tensorflow as tf

from .batches import Data
from .sources import Source, as_source

# The size in bytes of the window in which a dataset too large for memory is shuffled.
_WINDOW = 2**30

# Rounds of the cipher behind the order. With the 4 of TensorFlow's own index_shuffle, parts of an epoch
# differ by more than chance: the variance of their means is a fifth too large.
_ROUNDS = 8


def training_batches(
    data: Source | Data,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    num_shards: int = 1,
    shards: Sequence[int] = range(1),
) -> tf.data.Dataset:
    """Returns infinite shuffled batches, starting with the batch of step `first_step`.

    Each epoch has a new order of all examples. The example at a position depends only on the seed and
    the position, so resumed training sees the same batches as uninterrupted training, without reading
    the examples before them. Batches continue across epochs: all are full.

    For several workers, each batch is split into shards of equal size, and each worker reads its own.

    A `tf.data.Dataset` larger than 1 GiB can only be read in its own order: it is shuffled within a
    window, and to start at `first_step`, the earlier examples of that epoch are read and dropped.

    Args:
      data: as for `as_source`.
      batch_size: the number of examples of a step, over all workers and replicas.
      seed: the seed of the order.
      first_step: the number of steps already taken.
      num_shards: the number of shards of a batch.
      shards: the shards to return, in `range(num_shards)`.

    Returns:
      Batches of `batch_size / num_shards` examples: for each step, `shards` in their order.

    Raises:
      ValueError: `batch_size` is not in [1, size of the data] or not a multiple of `num_shards`, or
        `shards` are not in `range(num_shards)`.

    >>> import numpy as np
    >>> stream = training_batches(np.arange(6), batch_size=4, seed=0)
    >>> resumed = training_batches(np.arange(6), batch_size=4, seed=0, first_step=2)
    >>> [a.numpy().tolist() for a in stream.skip(2).take(3)] == [
    ...     b.numpy().tolist() for b in resumed.take(3)]
    True
    """
    source = as_source(data)
    count = len(source)  # a tf.data.Dataset has a length too
    if not 1 <= batch_size <= count:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 to {count}, the size of the dataset.")
    if num_shards < 1 or batch_size % num_shards:
        raise ValueError(f"batch_size: got {batch_size}, expected a multiple of num_shards={num_shards}.")
    if not shards or not set(shards) <= set(range(num_shards)):
        raise ValueError(f"shards: got {list(shards)}, expected numbers from 0 to {num_shards - 1}.")
    rows = batch_size // num_shards
    if isinstance(source, Source):
        indices = _shuffled_indices(count, batch_size, seed, first_step, rows, list(shards))
        batches = _read(source, indices, rows)
    else:
        batches = _window_shuffled(source, batch_size, seed, first_step, rows, list(shards))
    return batches.prefetch(tf.data.AUTOTUNE)


def _shuffled_indices(
    count: int, batch_size: int, seed: int, first_step: int, rows: int, shards: list[int]
) -> tf.data.Dataset:
    """The indices of the examples of each shard, int64 [rows]."""
    shard_numbers = tf.constant(shards, tf.int64)

    def key(epoch):
        return tf.random.stateless_uniform([3], [seed, epoch], None, None, tf.int32)

    def indices(i):
        shard = tf.gather(shard_numbers, i % len(shards))
        start = (first_step + i // len(shards)) * batch_size + shard * rows
        positions = start + tf.range(rows, dtype=tf.int64)
        epochs = positions // count
        # No batch is larger than an epoch, so it spans at most two.
        keys = tf.stack([key(epochs[0]), key(epochs[-1])])
        return tf.raw_ops.RandomIndexShuffle(
            index=positions % count,
            seed=tf.gather(keys, epochs - epochs[0]),
            max_index=tf.constant(count - 1, tf.int64),
            rounds=_ROUNDS,
        )

    return tf.data.Dataset.counter().map(indices)


def _read(source: Source, indices: tf.data.Dataset, rows: int) -> tf.data.Dataset:
    """Batches of the examples at these indices."""
    if source.read is None:  # all rows at once
        return indices.map(source.records_of, num_parallel_calls=tf.data.AUTOTUNE)
    examples = indices.unbatch().map(source.example, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(rows, drop_remainder=True)


def _window_shuffled(
    dataset: tf.data.Dataset, batch_size: int, seed: int, first_step: int, rows: int, shards: list[int]
) -> tf.data.Dataset:
    """The batches of a dataset without random access, shuffled within a window."""
    count = int(dataset.cardinality())
    specs = tf.nest.flatten(dataset.element_spec)
    example_bytes = sum(spec.dtype.size * spec.shape.num_elements() for spec in specs)
    window = max(batch_size, min(count, _WINDOW // example_bytes))

    def shuffled(epoch):
        key = tf.random.stateless_uniform([], [seed, epoch], None, None, tf.int64)
        return dataset.shuffle(window, seed=key, reshuffle_each_iteration=False)

    first_epoch, first_example = divmod(first_step * batch_size, count)
    examples = tf.data.Dataset.counter(first_epoch).flat_map(shuffled).skip(first_example)
    batches = examples.batch(rows, drop_remainder=True)
    num_shards = batch_size // rows
    if num_shards == 1:
        return batches
    numbered = batches.enumerate().filter(lambda i, batch: tf.reduce_any(i % num_shards == shards))
    return numbered.map(lambda i, batch: batch)
