"""Checks of latents, temperatures and decoded images, in Keras and on a server.

Latents are standard normal, temperatures near 1. Much larger numbers have no image: a square overflows in
float32, and a NaN would silently become a black pixel.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from .checks import check_number
from .images import check_vectors, to_uint8
from .signatures import LARGEST


def check_latents(latents: ArrayLike, size: int, name: str = "latents") -> tf.Tensor:
    """Returns `latents` as a tensor after checking that it is float32 `[N, size]` in [-1e6, 1e6].

    Raises:
      ValueError: a wrong rank, size or dtype, no latents, NaN, or a number out of range.
    """
    tensor = check_vectors(latents, size, name)
    check_range(tensor, name)
    return tensor


def check_range(latents: tf.Tensor, name: str) -> None:
    """Checks the values of latents of any shape, as `check_latents` does.

    Raises:
      ValueError: NaN, or a number out of range.
    """
    if not bool(tf.reduce_all(tf.abs(latents) <= LARGEST)):
        raise ValueError(f"{name} holds NaN or numbers beyond {LARGEST:g}, expected numbers near -1 to 1.")


def check_temperature(temperature: float, name: str = "temperature") -> tf.Tensor:
    """Returns `temperature` as float32 if it is a number in [0, 1e6].

    Raises:
      ValueError: otherwise.
    """
    return tf.constant(check_number(name, temperature, 0, LARGEST), tf.float32)


def check_finite(images: tf.Tensor, cause: str) -> tf.Tensor:
    """Returns `images` (or vectors), `[N, ...]`, if all are finite.

    Args:
      cause: what they were computed from, such as "latents".

    Raises:
      ValueError: otherwise.
    """
    finite = np.asarray(np.isfinite(np.asarray(images)).reshape(len(images), -1).all(axis=1))
    if not finite.all():
        raise ValueError(
            f"{cause} give {(~finite).sum()} of {len(finite)} rows with NaN or infinity in float32, "
            "expected some nearer to 0, and a model of finite weights."
        )
    return images


def served(images: tf.Tensor, cause: str) -> tf.Tensor:
    """Converts float images in [0, 1] to uint8, as a server returns them; values must be finite."""
    return to_uint8(served_finite(images, cause))


def served_finite(values: tf.Tensor, cause: str) -> tf.Tensor:
    """Returns `values` after a check in the graph; values not finite are INVALID_ARGUMENT, with the cause."""
    finite = tf.reduce_all(tf.math.is_finite(values))
    message = f"{cause} must be nearer to 0: they give NaN or infinity in float32"
    with tf.control_dependencies([tf.debugging.Assert(finite, [message])]):
        return tf.identity(values)
