"""The cost of the Kullback-Leibler divergence in training: free bits, and a weight annealed from 0."""

import tensorflow as tf


def with_free_bits(kl: tf.Tensor, free: float) -> tf.Tensor:
    """Returns divergences of which `free` nats, shared equally by the groups, cost nothing.

        sum_g kl_g + max(free / G - mean over the batch of kl_g, 0)

    A group below its share is raised to it, without a gradient.

    Source: Kingma et al. 2016, appendix C.

    Args:
      kl: the divergences of G groups of latent dimensions in nats, float32 `[N, G]`.
      free: the free nats of all groups together.

    Returns:
      float32 `[N]`.

    >>> import tensorflow as tf
    >>> with_free_bits(tf.constant([[0.0, 3.0], [1.0, 5.0]]), free=2.0).numpy().tolist()
    [3.5, 6.5]
    """
    missing = tf.maximum(free / kl.shape[-1] - tf.reduce_mean(kl, axis=0), 0.0)
    return tf.reduce_sum(kl + missing, axis=-1)


def annealing_weight(annealing_steps: int, step: tf.Tensor | int) -> tf.Tensor | float:
    """Returns the weight of the divergence, which rises linearly from 0 to 1 over `annealing_steps`."""
    if not annealing_steps:
        return 1.0
    return tf.minimum(tf.cast(step, tf.float32) / annealing_steps, 1.0)
