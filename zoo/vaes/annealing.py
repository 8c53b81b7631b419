"""What the Kullback-Leibler divergence costs in training: free bits, and a weight that rises from 0."""

import tensorflow as tf


def with_free_bits(kl: tf.Tensor, free: float) -> tf.Tensor:
    """Divergences that cost nothing below `free` nats, which are shared equally by their groups.

        sum_g kl_g + max(free / G - mean over the batch of kl_g, 0)

    A group below its share is lifted to it, with no gradient.

    Source: Kingma et al. 2016, appendix C.

    Args:
      kl: in nats, float32 `[N, G]`, of G groups of latent dimensions.
      free: of all groups together, in nats.

    Returns:
      float32 `[N]`.

    >>> import tensorflow as tf
    >>> with_free_bits(tf.constant([[0.0, 3.0], [1.0, 5.0]]), free=2.0).numpy().tolist()
    [3.5, 6.5]
    """
    missing = tf.maximum(free / kl.shape[-1] - tf.reduce_mean(kl, axis=0), 0.0)
    return tf.reduce_sum(kl + missing, axis=-1)


def annealed(annealing_steps: int, step: tf.Tensor | int) -> tf.Tensor | float:
    """The weight of the divergence: from 0 to 1 in proportion to `step`, and 1 from `annealing_steps` on."""
    if not annealing_steps:
        return 1.0
    return tf.minimum(tf.cast(step, tf.float32) / annealing_steps, 1.0)
