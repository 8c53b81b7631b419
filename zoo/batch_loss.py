"""Aggregates losses of examples to that of a batch: weights, replicas of unequal size, micro-batches."""

import tensorflow as tf


def weighted_mean(losses: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Returns sum_i w_i l_i / N, as in Keras: the weights need not sum to N.

    A weight of 0 excludes an example, even one whose loss is not finite.

    Args:
      losses: float `[N]`.
      weights: `[N]` or `[N, 1]`; None for all 1.

    Raises:
      ValueError: weights of another shape.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.batch_loss import weighted_mean
    >>> float(weighted_mean(tf.constant([1.0, 3.0, float("inf")]), tf.constant([1, 2, 0])))
    2.3333332538604736
    """
    if weights is not None:
        losses = tf.math.multiply_no_nan(losses, as_weights(weights, losses.dtype))
    return tf.reduce_mean(losses)


def as_weights(weights: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns `sample_weight` as a float tensor `[N]`.

    Raises:
      ValueError: its shape is not `[N]` or `[N, 1]`.
    """
    weights = tf.convert_to_tensor(weights)
    if weights.shape.rank not in (1, 2) or (weights.shape.rank == 2 and weights.shape[1] != 1):
        raise ValueError(f"sample_weight has shape {tuple(weights.shape)}, expected [N].")
    return tf.cast(tf.reshape(weights, [-1]), dtype)


def replica_share(count: tf.Tensor | int) -> tf.Tensor:
    """Returns this replica's share, with `count` examples, of the batch over all replicas.

    The mean losses of replicas, each multiplied by its share, sum to the mean over the batch.
    """
    count = tf.cast(count, tf.float32)
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return tf.ones([])
    return count / replica.all_reduce(tf.distribute.ReduceOp.SUM, count)


def not_empty(inputs, weights: tf.Tensor | None) -> tuple:
    """Returns a batch and its weights, or for an empty batch, one example of zeros with weight 0.

    The last batch of an epoch may have fewer examples than there are replicas, and TensorFlow has no
    gradients of convolutions with empty inputs.
    """
    n = tf.nest.flatten(inputs)[0].shape[0]
    if n is not None and n > 0:
        return inputs, weights
    n = tf.shape(tf.nest.flatten(inputs)[0])[0]
    missing = tf.maximum(1 - n, 0)
    weights = tf.pad(tf.ones([n]) if weights is None else weights, [[0, missing]])

    def filled(x):
        return tf.concat([x, tf.zeros([missing, *x.shape[1:]], x.dtype)], axis=0)

    return tf.nest.map_structure(filled, inputs), weights


def micro_batches(inputs, weights: tf.Tensor | None, count: int) -> tuple:
    """Splits a batch `[N, ...]` into `count` micro-batches `[count, ceil(N / count), ...]`, with weights.

    If N is not a multiple of `count`, examples are repeated with weight 0 to fill the last micro-batches.

    Args:
      inputs: a structure of tensors `[N, ...]`.
      weights: see `weighted_mean`.

    Returns:
      The inputs, the weights (None for all 1), and the number of micro-batches of that size in N examples,
      which is fractional if examples are repeated.
    """
    first = tf.nest.flatten(inputs)[0]
    n = first.shape[0] or tf.shape(first)[0]
    size = -(-n // count)
    if not isinstance(n, int) or n % count:
        row = tf.range(size * count)
        inputs = tf.nest.map_structure(lambda x: tf.gather(x, row % n), inputs)
        weights = tf.ones([n]) if weights is None else as_weights(weights, tf.float32)
        weights = tf.where(row < n, tf.gather(weights, row % n), 0.0)
    whole = tf.cast(n, tf.float32) / tf.cast(size, tf.float32)
    if weights is not None:
        weights = tf.reshape(weights, [count, size])
    cut = tf.nest.map_structure(lambda x: tf.reshape(x, [count, size, *x.shape[1:]]), inputs)
    return cut, weights, whole
