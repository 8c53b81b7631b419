"""Latents drawn from a model's prior: z for every family, w for style models."""

import numpy as np
import tensorflow as tf

from ..zoo import seeds
from ..zoo.model import ZooModel

# Offset of the random streams of an example, which keeps them independent of those of `sample`.
_STREAM = 1000


def check_prior(model: ZooModel) -> None:
    """Checks that the model's latents are standard normal.

    Raises:
      ValueError: they are not, as in a VAE with a learned prior.
    """
    if model.prior != "normal":
        raise ValueError(f"model: got one with the prior {model.prior!r}, expected a standard normal one.")


def draw_latents(model: ZooModel, rows: np.ndarray, stream: int) -> np.ndarray:
    """Returns z, standard normal float32 `[n, D]`; row i depends only on `rows[i]` and the stream."""
    return _normal(tf.constant(rows, tf.int32), _STREAM + stream, model.latent_dim).numpy()


def draw_uniform(rows: np.ndarray, stream: int) -> np.ndarray:
    """Returns float32 in [0, 1), `[n, 1]`; row i depends only on `rows[i]` and the stream."""
    return _uniform(tf.constant(rows, tf.int32), _STREAM + stream).numpy()


def styles(
    model: ZooModel, latents: np.ndarray, labels: np.ndarray | None, sampling: dict[str, float]
) -> np.ndarray:
    """Returns w `[n, num_ws, w_dim]` of z."""
    return np.asarray(model.mapping(latents, labels, **sampling))


@tf.function(autograph=False)
def _normal(rows, stream, size):
    return seeds.normal(seeds.fold(rows, stream), (size,))


@tf.function(autograph=False)
def _uniform(rows, stream):
    return seeds.uniform(seeds.fold(rows, stream), (1,))
