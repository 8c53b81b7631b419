"""Stateless random numbers: the same seed gives the same numbers, regardless of the batch.

Each row of a draw has its own seed, a pair of integers. So the first 4 of 16 images equal those of a call for
4, in Keras and on a server, and a row's result does not depend on the other rows.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike


def row_seeds(seed: ArrayLike, n: int) -> tf.Tensor:
    """Returns a pair per row, int32 `[n, 2]`: (seed, row) for an integer seed; pairs are unchanged.

    Args:
      seed: an integer in [-2^31, 2^31), or integers `[n, 2]`.
      n: the number of rows.

    Raises:
      ValueError: anything else.

    >>> from latentzoo.zoo.seeds import row_seeds
    >>> row_seeds(7, 2).numpy().tolist()
    [[7, 0], [7, 1]]
    """
    if not tf.is_tensor(seed) and not _is_int32(seed):
        raise ValueError(f"seed is {seed!r}, expected integers in [-2^31, 2^31), one or [{n}, 2].")
    pairs = tf.cast(seed, tf.int32)
    if pairs.shape.rank == 0:
        return tf.stack([tf.fill([n], pairs), tf.range(n)], axis=1)
    if tuple(pairs.shape) != (n, 2):
        raise ValueError(f"seed has shape {tuple(pairs.shape)}, expected () or ({n}, 2).")
    return pairs


def normal(seeds: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Draws standard normal float32 `[n, *shape]`, row i from only `seeds[i]`."""
    return _rows(tf.random.stateless_normal, seeds, shape)


def uniform(seeds: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Draws uniform float32 in [0, 1), `[n, *shape]`, row i from only `seeds[i]`."""
    return _rows(tf.random.stateless_uniform, seeds, shape)


def fold(seeds: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Derives new pairs, int32 `[n, 2]`: the draw `number` from each row's own stream."""
    number = tf.cast(number, tf.int32)
    fold_in = tf.random.experimental.stateless_fold_in
    return of_each(lambda seed: fold_in(seed, number), seeds, tf.TensorSpec([2], tf.int32))


def of_each(function: Callable, rows, signature: tf.TensorSpec) -> tf.Tensor:
    """Applies `function` to each row and stacks the results.

    Args:
      function: takes a row of `rows`.
      rows: a tensor of seeds `[n, 2]`, or a tuple of tensors `[n, ...]` that starts with one.
      signature: signature of the result of `function`.
    """
    pairs = tf.nest.flatten(rows)[0]
    if tf.executing_eagerly() and len(pairs):  # `map_fn` takes four times as long in eager mode
        each = [tf.nest.map_structure(lambda x, i=i: x[i], rows) for i in range(len(pairs))]
        return tf.stack([function(row) for row in each])
    return tf.map_fn(function, rows, fn_output_signature=signature)


def training_uniform(seed: int, step: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Draws uniform noise for a training step, different for every step and replica."""
    return tf.random.stateless_uniform(shape, training_seed(seed, step))


def training_normal(seed: int, step: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Draws standard normal noise for a training step, independent of its uniform noise."""
    pair = tf.random.experimental.stateless_fold_in(training_seed(seed, step), 1)
    return tf.random.stateless_normal(shape, pair)


def training_seed(seed: int, step: tf.Tensor) -> tf.Tensor:
    """Returns the seed pair for random numbers of a training step on a replica."""
    pair = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    replica = tf.distribute.get_replica_context()
    if replica is not None:
        pair = tf.random.experimental.stateless_fold_in(pair, replica.replica_id_in_sync_group)
    return pair


def _is_int32(values):
    try:
        values = np.asarray(values)
    except ValueError:  # rows of different lengths
        return False
    return values.dtype.kind in "iu" and values.size and -(2**31) <= values.min() <= values.max() < 2**31


def _rows(draw, seeds, shape):
    return of_each(lambda seed: draw(shape, seed), seeds, tf.TensorSpec(shape, tf.float32))
