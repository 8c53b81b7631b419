"""What latents, temperatures and what is made of them may be, in Keras and on a server.

Latents are standard normal, temperatures near 1. Numbers far beyond have no image: a square overflows in
float32, and a NaN would become a black pixel without a word.
"""

import numpy as np
import tensorflow as tf

from .checks import check_number
from .images import check_vectors, to_uint8
from .signatures import LARGEST


def check_latents(latents, size: int, name: str = "latents") -> tf.Tensor:
    """`latents` as a tensor, if it is a batch `[N, size]` of float32 numbers in [-1e6, 1e6].

    Raises:
      ValueError: a wrong rank, size or dtype, no latents, NaN, or a number out of range.
    """
    latents = check_vectors(latents, size, name)
    check_range(latents, name)
    return latents


def check_range(latents: tf.Tensor, name: str) -> None:
    """The part of `check_latents` about values, for latents of any shape.

    Raises:
      ValueError: NaN, or a number out of range.
    """
    if not bool(tf.reduce_all(tf.abs(latents) <= LARGEST)):
        raise ValueError(f"{name} holds NaN or numbers beyond {LARGEST:g}, expected numbers near -1 to 1.")


def check_temperature(temperature, name: str = "temperature") -> tf.Tensor:
    """`temperature` as float32, if it is a number in [0, 1e6].

    Raises:
      ValueError: it is not.
    """
    return tf.constant(check_number(name, temperature, 0, LARGEST), tf.float32)


def check_finite(images: tf.Tensor, cause: str) -> tf.Tensor:
    """`images`, or vectors, `[N, ...]` if all are finite.

    Args:
      cause: what they were made of, such as "latents".

    Raises:
      ValueError: some are not.
    """
    finite = np.asarray(np.isfinite(np.asarray(images)).reshape(len(images), -1).all(axis=1))
    if not finite.all():
        raise ValueError(
            f"{cause} give {(~finite).sum()} of {len(finite)} rows with NaN or infinity in float32, "
            "expected some nearer to 0, and a model of finite weights."
        )
    return images


def served(images: tf.Tensor, cause: str) -> tf.Tensor:
    """uint8 images as a server gives them, of float ones in [0, 1]; ones that are not finite are an error."""
    return to_uint8(served_finite(images, cause))


def served_finite(values: tf.Tensor, cause: str) -> tf.Tensor:
    """`values`, after a check in the graph that all are finite: INVALID_ARGUMENT, with the cause."""
    finite = tf.reduce_all(tf.math.is_finite(values))
    message = f"{cause} must be nearer to 0: they give NaN or infinity in float32"
    with tf.control_dependencies([tf.debugging.Assert(finite, [message])]):
        return tf.identity(values)
