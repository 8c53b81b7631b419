"""The endless stream of training batches."""

from collections.abc import Sequence

import tensorflow as tf

from .batches import Data
from .sources import Source, as_source

# What is too large for memory and has no other order than its own is shuffled in a window of so much.
_WINDOW = 2**30

# Of the cipher behind the order. TensorFlow's own index_shuffle has 4, and then parts of an epoch differ
# more from each other than by chance: the variance of their means is a fifth too large.
_ROUNDS = 8


def training_batches(
    data: Source | Data,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    pieces: int = 1,
    mine: Sequence[int] = range(1),
) -> tf.data.Dataset:
    """Shuffled batches without end, starting at the batch of step `first_step`.

    Each epoch is another order of all examples. Which one comes at a place depends on the seed and
    the place alone, so a resumed training sees the batches that an uninterrupted one would have
    seen, and nothing before them is read. Batches run over the ends of epochs: all are full.

    For several workers each batch is cut into pieces of equal size, and a worker reads its own.

    A `tf.data.Dataset` larger than 1 GiB can only be read in its own order: it is shuffled within a
    window, and to start at `first_step` the examples of its epoch before it are read and dropped.

    Args:
      data: what `as_source` takes.
      batch_size: examples of a step, over all workers and replicas.
      seed: of the order.
      first_step: how many steps were taken before.
      pieces: how many pieces a batch is cut into.
      mine: the numbers of the pieces that are wanted, of `range(pieces)`.

    Returns:
      Batches of `batch_size / pieces` examples: of each step the pieces `mine`, one after another.

    Raises:
      ValueError: `batch_size` is not in [1, size of the data] or no multiple of `pieces`, or `mine`
        are no pieces.

    >>> import numpy as np
    >>> stream = training_batches(np.arange(6), batch_size=4, seed=0)
    >>> resumed = training_batches(np.arange(6), batch_size=4, seed=0, first_step=2)
    >>> [a.numpy().tolist() for a in stream.skip(2).take(3)] == [
    ...     b.numpy().tolist() for b in resumed.take(3)]
    True
    """
    source = as_source(data)
    count = len(source)
    if not 1 <= batch_size <= count:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 to {count}, the size of the dataset.")
    if pieces < 1 or batch_size % pieces:
        raise ValueError(f"batch_size: got {batch_size}, expected a multiple of the {pieces} pieces.")
    if not mine or not set(mine) <= set(range(pieces)):
        raise ValueError(f"mine: got {list(mine)}, expected numbers of the {pieces} pieces.")
    rows = batch_size // pieces
    if isinstance(source, tf.data.Dataset):
        batches = _window_shuffled(source, batch_size, seed, first_step, rows, list(mine))
    else:
        numbers = _shuffled_numbers(count, batch_size, seed, first_step, rows, list(mine))
        batches = _read(source, numbers, rows)
    return batches.prefetch(tf.data.AUTOTUNE)


def _shuffled_numbers(
    count: int, batch_size: int, seed: int, first_step: int, rows: int, mine: list[int]
) -> tf.data.Dataset:
    """The numbers of the examples of each piece, int64 [rows]."""

    def key(epoch):
        return tf.random.stateless_uniform([3], [seed, epoch], None, None, tf.int32)

    def numbers(i):
        start = (first_step + i // len(mine)) * batch_size + tf.gather(mine, i % len(mine)) * rows
        places = start + tf.range(rows, dtype=tf.int64)
        epochs = places // count
        # No batch is larger than an epoch, so it lies in two of them at most.
        keys = tf.stack([key(epochs[0]), key(epochs[-1])])
        return tf.raw_ops.RandomIndexShuffle(
            index=places % count,
            seed=tf.gather(keys, epochs - epochs[0]),
            max_index=tf.constant(count - 1, tf.int64),
            rounds=_ROUNDS,
        )

    mine = tf.constant(mine, tf.int64)
    return tf.data.Dataset.counter().map(numbers)


def _read(source: Source, numbers: tf.data.Dataset, rows: int) -> tf.data.Dataset:
    """The examples of these numbers."""
    if source.read is None:  # all rows at once
        return numbers.map(source.records_of, num_parallel_calls=tf.data.AUTOTUNE)
    examples = numbers.unbatch().map(source.example, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(rows, drop_remainder=True)


def _window_shuffled(
    dataset: tf.data.Dataset, batch_size: int, seed: int, first_step: int, rows: int, mine: list[int]
) -> tf.data.Dataset:
    """The same for a dataset that has no other order than its own.

    It is shuffled within a window. To start at `first_step`, the examples before it are passed over:
    those of its epoch are read.
    """
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
    pieces = batch_size // rows
    if pieces == 1:
        return batches
    numbered = batches.enumerate().filter(lambda i, batch: tf.reduce_any(i % pieces == mine))
    return numbered.map(lambda i, batch: batch)
