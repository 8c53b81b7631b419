"""Checks of the data passed to Keras's `fit`: before the first step, and for each batch."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

# The number of examples for data-dependent initialization, drawn from the whole array or dataset.
INITIAL_EXAMPLES = 256

# The maximum number of batches of a dataset that they are drawn from.
_BATCHES_READ = 1000


def is_array(x) -> bool:
    """Whether `x` holds examples, rather than batches of them."""
    return hasattr(x, "shape") and hasattr(x, "__getitem__") and not isinstance(x, tf.RaggedTensor)


def holds_floats(values) -> bool:
    """Whether `values` (an array or None) has floating-point numbers."""
    return "float" in str(getattr(values, "dtype", ""))


def as_array(values, name: str):
    """Converts a list, such as one of images, to an array; returns anything else unchanged.

    Raises:
      ValueError: the items of the list differ in shape.
    """
    if not isinstance(values, list | tuple):
        return values
    try:
        return np.asarray([np.asarray(value) for value in values])
    except ValueError:
        raise ValueError(
            f"{name} is a {type(values).__name__} of parts that differ in shape, expected one array."
        ) from None


def as_row(labels):
    """Reshapes labels `[N, 1]`, as in `keras.datasets`, to `[N]`; returns others unchanged."""
    shape = np.shape(labels)
    return labels[:, 0] if len(shape) == 2 and shape[1] == 1 and hasattr(labels, "shape") else labels


def check_lengths(x, y, weights) -> None:
    """Raises ValueError for arrays of different lengths, or weights that are not finite or all 0."""
    for name, part in (("y", y), ("sample_weight", weights)):
        if part is not None and len(part) != len(x):
            raise ValueError(f"{name} has {len(part)} rows and x has {len(x)}, expected as many.")
    if weights is not None and not (np.isfinite(weights).all() and np.any(weights)):
        raise ValueError("sample_weight is not finite, or 0 for every example, expected finite weights.")


def class_weights(class_weight: dict, y, num_classes: int) -> dict:
    """Returns the weight of each class, 1 by default.

    Args:
      class_weight: see Keras's `fit`.
      y: labels of some examples, or None.
      num_classes: 0 if unknown; then no classes are added.

    Raises:
      ValueError: there are no labels, or a key is not a class.
    """
    if y is None or len(np.shape(y)) > 2:
        raise ValueError("class_weight was given without labels, expected labels as y.")
    expected = f"integers below {num_classes}" if num_classes else "integers"
    for key in class_weight:
        is_integer = isinstance(key, int | np.integer)
        if not is_integer or key < 0 or (num_classes and key >= num_classes):
            raise ValueError(f"class_weight has the key {key!r}, expected classes: {expected}.")
    return {**dict.fromkeys(range(num_classes), 1.0), **class_weight}


def blocks(x, y, weights, size: int = 1024) -> Iterator[tuple]:
    """Yields all examples of arrays, as (x, y, weights) of up to `size` examples."""
    for start in range(0, len(x), size):
        yield tuple(None if part is None else part[start : start + size] for part in (x, y, weights))


def drawn(x, y, weights, count: int, seed: int) -> tuple:
    """Draws some of the first `count` examples of arrays with a seed, as (x, y, weights).

    Examples with weight 0 are not drawn.
    """
    rows = _counted_rows(weights, count)
    if len(rows) > INITIAL_EXAMPLES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, INITIAL_EXAMPLES, replace=False))
    return tuple(None if part is None else _rows(part, rows) for part in (x, y, weights))


def is_finite_dataset(x) -> bool:
    """Whether `x` is a `tf.data.Dataset` of batches with known cardinality."""
    return isinstance(x, tf.data.Dataset) and int(x.cardinality()) > 0


def drawn_from_batches(batches: tf.data.Dataset, seed: int) -> tuple:
    """Draws some examples of a dataset of batches with a seed, as (x, y, weights).

    This reads up to 1,000 batches of the dataset. Examples with weight 0 are not drawn.
    """
    random = np.random.default_rng(seed)
    places, kept = np.zeros(0), None
    for batch in batches.take(_BATCHES_READ):
        three = keras.utils.unpack_x_y_sample_weight(batch)
        parts = [None if part is None else np.asarray(part) for part in three]
        rows = _counted_rows(parts[2], len(three[0]))
        parts = [None if part is None else part[rows] for part in parts]
        places = np.concatenate([places, random.random(len(rows))])
        best = np.sort(np.argsort(places)[:INITIAL_EXAMPLES])
        places = places[best]
        joined = parts if kept is None else [_joined(*pair) for pair in zip(kept, parts, strict=True)]
        kept = [None if part is None else part[best] for part in joined]
    return tuple(kept or (None, None, None))


def first_batch(x) -> tuple:
    """Returns the first batch of a dataset or generator, and `x` including that batch.

    Raises:
      ValueError: there is none, or `x` does not yield batches.
    """
    if x is None or (isinstance(x, list | tuple | dict) and len(x) == 0):
        raise ValueError("x is empty, expected at least one image.")
    if isinstance(x, keras.utils.PyDataset):
        return x[0], x
    if isinstance(x, dict | set | str | bytes | tf.RaggedTensor) or not isinstance(x, Iterable):
        raise ValueError(
            f"x is of type {type(x).__name__}, expected an array, or batches from a tf.data.Dataset, "
            "a PyDataset or a generator."
        )
    kind = "generator" if isinstance(x, Iterator) else "dataset"
    try:
        first = next(iter(x))
    except StopIteration:
        raise ValueError(f"x is an empty {kind}, expected at least one batch.") from None
    return first, _put_back(first, x) if kind == "generator" else x


def with_labels(x, y, weights):
    """Returns (x, y, weights), with a y if there are weights: otherwise Keras drops the weights."""
    if weights is not None and y is None and is_array(x):
        y = np.zeros(len(x), np.int32)  # labels, which an unconditional model ignores
    return x, y, weights


def checked(iterator, count: int, check: Callable) -> Iterator:
    """Yields up to `count` next batches of Keras's iterator, each after `check(batch)`.

    Raises:
      StopIteration: the iterator is exhausted.
    """
    first = next(iterator)

    def batches():
        for batch in itertools.chain([first], itertools.islice(iterator, count - 1)):
            batch = tf.nest.map_structure(_as_tensor, batch)
            check(batch)
            yield batch

    return batches()


def gathered(strategy: tf.distribute.Strategy, value) -> np.ndarray | None:
    """Returns the rows of all replicas of this process."""
    if value is None:
        return None
    return np.concatenate([np.asarray(part) for part in strategy.experimental_local_results(value)])


def row_counts(strategy: tf.distribute.Strategy, value) -> list[int]:
    """Returns the number of rows of each replica of this process."""
    return [int(part.shape[0]) for part in strategy.experimental_local_results(value)]


def _as_tensor(value):
    """Converts values in Keras's batches: an empty Optional stands for None, and arrays are possible."""
    if isinstance(value, tf.experimental.Optional):
        return None
    return tf.convert_to_tensor(value) if isinstance(value, np.ndarray) else value


def _counted_rows(weights, count):
    """Returns which of the first `count` examples have a nonzero weight."""
    rows = np.arange(count)
    return rows if weights is None else rows[np.asarray(weights)[:count].reshape(count, -1).any(axis=1)]


def _joined(first, second):
    return None if first is None else np.concatenate([first, second])


def _rows(values, rows):
    return tf.gather(values, rows) if tf.is_tensor(values) else values[rows]


def _put_back(first, batches):
    # A generator of tuples, the only kind of iterator that Keras accepts.
    for batch in itertools.chain([first], batches):
        yield batch if isinstance(batch, tuple) else (batch,)
