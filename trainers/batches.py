"""The endless stream of training batches."""

import numpy as np
import tensorflow as tf

# Data sets below this size are kept in memory; larger ones are shuffled within a window of it.
_MEMORY = 2**30


def training_batches(
    dataset: tf.data.Dataset, batch_size: int, seed: int, first_step: int = 0
) -> tf.data.Dataset:
    """Shuffled batches without end, starting at the batch of step `first_step`.

    The order of each epoch depends on (seed, epoch) alone, so a resumed training sees the batches
    that an uninterrupted one would have seen. Batches run over the ends of epochs: all are full.

    Args:
      dataset: unbatched, of known length, as from `as_dataset`.
      batch_size: examples of a batch, over all replicas.
      seed: of the order.
      first_step: how many batches were used before.

    Raises:
      ValueError: `batch_size` is not in [1, size of the dataset].

    >>> import tensorflow as tf
    >>> from latentzoo.trainers.batches import training_batches
    >>> images = tf.data.Dataset.range(6)
    >>> stream = training_batches(images, batch_size=4, seed=0)
    >>> resumed = training_batches(images, batch_size=4, seed=0, first_step=2)
    >>> [a.numpy().tolist() for a in stream.skip(2).take(3)] == [
    ...     b.numpy().tolist() for b in resumed.take(3)]
    True
    """
    count = int(dataset.cardinality())
    if not 1 <= batch_size <= count:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 to {count}, the size of the dataset.")
    example_bytes = sum(
        spec.dtype.size * int(np.prod(spec.shape)) for spec in tf.nest.flatten(dataset.element_spec)
    )
    window = max(batch_size, min(count, _MEMORY // example_bytes))
    if window == count:
        dataset = dataset.cache()

    def shuffled(epoch):
        key = tf.random.stateless_uniform([], [seed, epoch], None, None, tf.int64)
        return dataset.shuffle(window, seed=key, reshuffle_each_iteration=False)

    first_epoch, first_example = divmod(first_step * batch_size, count)
    return (
        tf.data.Dataset.counter(first_epoch)
        .flat_map(shuffled)
        .skip(first_example)
        .batch(batch_size, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )
