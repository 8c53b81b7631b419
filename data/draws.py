"""Seeded random subsets of datasets: the first examples would not do, since many are sorted by class."""

import numpy as np
import tensorflow as tf

# Examples drawn from a dataset without random access are put in the order of the draw up to this size.
_MEMORY = 2**30


def draw(dataset: tf.data.Dataset, num: int | None, seed: int) -> tf.data.Dataset:
    """Draws `num` examples of a dataset without replacement, in the order of the draw.

    The draw depends only on `seed` and the size of the dataset, and a smaller draw is the start of a larger
    one.

    Args:
      dataset: unbatched, of known length. Without random access it is read once completely, and draws of
        more than 1 GiB keep its order.
      num: None, or at least the size of the dataset: all of it, in its own order.
      seed: the seed of the draw.

    Raises:
      ValueError: `num` is below 1.

    >>> import tensorflow as tf
    >>> from latentzoo.data.draws import draw
    >>> [int(example) for example in draw(tf.data.Dataset.range(100), 4, seed=0)]
    [82, 36, 20, 5]
    >>> [int(example) for example in draw(tf.data.Dataset.range(4), 4, seed=0)]
    [0, 1, 2, 3]
    """
    if num is not None and num < 1:
        raise ValueError(f"num: got {num}, expected at least 1.")
    count = int(dataset.cardinality())
    if num is None or num >= count:
        return dataset
    return pick(dataset, drawn_numbers(count, num, seed))


def drawn_numbers(count: int, num: int | None, seed: int) -> np.ndarray:
    """Returns the indices that `draw` takes from a dataset of size `count`, int64 `[min(num, count)]`."""
    if num is None or num >= count:
        return np.arange(count)
    return np.random.default_rng(seed).permutation(count)[:num]


def pick(dataset: tf.data.Dataset, numbers: np.ndarray) -> tf.data.Dataset:
    """Returns the examples with these indices, in this order; each index may occur only once."""
    numbers = np.asarray(numbers, np.int64)
    if _has_random_access(dataset):
        return tf.data.Dataset.from_tensor_slices(numbers).map(
            lambda number: tf.data.experimental.at(dataset, number), num_parallel_calls=tf.data.AUTOTUNE
        )
    is_wanted = np.zeros(int(dataset.cardinality()), bool)
    is_wanted[numbers] = True
    kept = dataset.enumerate().filter(lambda number, example: tf.gather(is_wanted, number))
    kept = kept.map(lambda number, example: example)
    if _bytes_of(dataset) * len(numbers) <= _MEMORY:
        ranks = np.argsort(np.argsort(numbers))

        def ordered(*parts):
            gathered = [tf.gather(part, ranks) for part in parts]
            return tuple(gathered) if len(gathered) > 1 else gathered[0]

        kept = kept.batch(len(numbers)).map(ordered).unbatch()
    return kept.apply(tf.data.experimental.assert_cardinality(len(numbers)))


def describe_draw(count: int, num: int | None, seed: int, what: str = "examples") -> str:
    """Describes what `draw` takes from a dataset of size `count`, for a metric's protocol.

    >>> from latentzoo.data.draws import describe_draw
    >>> describe_draw(100, 10, seed=0), describe_draw(100, None, seed=0)
    ('10 of 100 examples, drawn with seed 0', '100 examples')
    """
    if num is None or num >= count:
        return f"{count} {what}"
    return f"{num} of {count} {what}, drawn with seed {seed}"


def _has_random_access(dataset):
    try:
        tf.data.experimental.at(dataset, 0)
    except (tf.errors.UnimplementedError, tf.errors.FailedPreconditionError):
        return False
    return True


def _bytes_of(dataset):
    """The size of an example in bytes; infinite if its shape is not known."""
    specs = tf.nest.flatten(dataset.element_spec)
    if not all(spec.shape.is_fully_defined() for spec in specs):
        return float("inf")
    return sum(spec.dtype.size * spec.shape.num_elements() for spec in specs)
