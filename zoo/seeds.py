"""Stateless random numbers: the same seed gives the same numbers, whatever the batch.

Row i of a draw has a seed of its own, a pair of integers. So the first 4 of 16 images are the 4 of 4,
in Keras and on a server, and a row's answer does not depend on the rows beside it.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def row_seeds(seed, n: int) -> tf.Tensor:
    """int32 `[n, 2]`, a pair for each row: (seed, row) of an integer seed; pairs are taken as they are.

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
    seed = tf.cast(seed, tf.int32)
    if seed.shape.rank == 0:
        return tf.stack([tf.fill([n], seed), tf.range(n)], axis=1)
    if tuple(seed.shape) != (n, 2):
        raise ValueError(f"seed has shape {tuple(seed.shape)}, expected () or ({n}, 2).")
    return seed


def normal(seeds: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Standard normal float32 `[n, *shape]`, row i from `seeds[i]` alone."""
    return _rows(tf.random.stateless_normal, seeds, shape)


def uniform(seeds: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Uniform float32 in [0, 1), `[n, *shape]`, row i from `seeds[i]` alone."""
    return _rows(tf.random.stateless_uniform, seeds, shape)


def fold(seeds: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Other pairs, int32 `[n, 2]`: of each row's own stream, the draw `number`."""
    number = tf.cast(number, tf.int32)
    fold_in = tf.random.experimental.stateless_fold_in
    return of_each(lambda seed: fold_in(seed, number), seeds, tf.TensorSpec([2], tf.int32))


def of_each(function: Callable, rows, signature: tf.TensorSpec) -> tf.Tensor:
    """`function` of each row, a pair or a structure whose first part is one, stacked.

    Args:
      rows: a tensor `[n, ...]` or a tuple of them.
      signature: of what `function` returns.
    """
    pairs = tf.nest.flatten(rows)[0]
    if tf.executing_eagerly() and len(pairs):  # `map_fn` takes four times as long there
        each = [tf.nest.map_structure(lambda x, i=i: x[i], rows) for i in range(len(pairs))]
        return tf.stack([function(row) for row in each])
    return tf.map_fn(function, rows, fn_output_signature=signature)


def training_uniform(seed: int, step: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Uniform noise of a training step: other noise in every step and on every replica."""
    return tf.random.stateless_uniform(shape, training_seed(seed, step))


def training_normal(seed: int, step: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Standard normal noise of a training step, independent of its uniform noise."""
    pair = tf.random.experimental.stateless_fold_in(training_seed(seed, step), 1)
    return tf.random.stateless_normal(shape, pair)


def training_seed(seed: int, step: tf.Tensor) -> tf.Tensor:
    """The pair that a replica's random numbers of a training step come from."""
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
