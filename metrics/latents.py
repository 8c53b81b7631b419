"""Latents of a model under its prior, and images of them: z for every family, w for style models."""

import numpy as np
import tensorflow as tf

from ..zoo import seeds

# Streams of random numbers of an example, apart from each other and from the samples' own.
_STREAM = 1000


def check_prior(model) -> None:
    """Refuses models whose latents are not standard normal.

    Raises:
      ValueError: such as a VAE with a learned prior.
    """
    if model.prior != "normal":
        raise ValueError(f"model: got one with the prior {model.prior!r}, expected a standard normal one.")


def draw_latents(model, rows: np.ndarray, stream: int) -> np.ndarray:
    """z, standard normal float32 `[n, D]`; row i of `rows[i]` and the stream alone."""
    return _normal(tf.constant(rows, tf.int32), _STREAM + stream, model.latent_dim).numpy()


def draw_uniform(rows: np.ndarray, stream: int) -> np.ndarray:
    """float32 in [0, 1), `[n, 1]`; row i of `rows[i]` and the stream alone."""
    return _uniform(tf.constant(rows, tf.int32), _STREAM + stream).numpy()


def styles(model, latents: np.ndarray, labels, sampling: dict) -> np.ndarray:
    """w `[n, num_ws, w_dim]` of z."""
    return np.asarray(model.mapping(latents, labels, **sampling))


@tf.function(autograph=False)
def _normal(rows, stream, size):
    return seeds.normal(seeds.fold(rows, stream), (size,))


@tf.function(autograph=False)
def _uniform(rows, stream):
    return seeds.uniform(seeds.fold(rows, stream), (1,))
