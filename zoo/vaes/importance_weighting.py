"""The importance-weighted bound of log p(x) (Burda et al. 2015), with memory that does not grow with k."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from .. import seeds

# The number of samples drawn at a time. The random numbers of a sample depend on it.
CHUNK = 50


def log_mean_weight(
    log_weights: Callable[[tf.Tensor], tf.Tensor], row_seeds: tf.Tensor, latent_dim: int, count: tf.Tensor
) -> tf.Tensor:
    """Computes log 1/k sum_k w_k of importance weights w_k = p(x, z_k) / q(z_k | x), float32 `[N]`.

    The first samples are the same for every k.

    Args:
      log_weights: a function from standard normal noise `[N, CHUNK, latent_dim]` to log w `[N, CHUNK]`.
      row_seeds: a pair of integers for each row, `[N, 2]`.
      latent_dim: the size of the noise of a sample.
      count: k, an int32 scalar.
    """

    def add_samples(chunk, log_sum):
        noise = seeds.normal(seeds.fold(row_seeds, chunk), (CHUNK, latent_dim))
        wanted = chunk * CHUNK + tf.range(CHUNK) < count
        log_w = tf.where(wanted, log_weights(noise), -np.inf)
        return chunk + 1, tfp.math.log_add_exp(log_sum, tf.reduce_logsumexp(log_w, axis=1))

    start = (0, tf.fill(tf.shape(row_seeds)[:1], -np.inf))
    _, log_sum = tf.while_loop(lambda chunk, _: chunk * CHUNK < count, add_samples, start)
    return log_sum - tf.math.log(tf.cast(count, tf.float32))
