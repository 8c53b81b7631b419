"""Resolutions, precision and seeds of the networks of style-based GANs."""

from collections.abc import Sequence

import keras
import numpy as np

# Under a mixed dtype policy: the number of resolutions, from the highest, that compute in low precision.
LOW_PRECISION_RESOLUTIONS = 4


def resolutions(last: int) -> list[int]:
    """Returns the powers of 2 from 4 to `last`."""
    return [2**i for i in range(2, last.bit_length())]


def policy_at(size: int, resolution: int, policy: keras.DTypePolicy) -> keras.DTypePolicy | str:
    """Returns the dtype policy at a size: `policy` at the four highest from 8x8 on, else float32."""
    is_high = size >= max(resolution >> (LOW_PRECISION_RESOLUTIONS - 1), 8)
    return policy if is_high else policy.variable_dtype


def seed_of_part(seed: int, number: int) -> int:
    """Returns the seed of a numbered part of a network."""
    return int(np.random.default_rng([seed, number]).integers(2**31))


def check_square(image_shape: Sequence[int]) -> tuple[int, int]:
    """Returns (R, C) of (R, R, C).

    Raises:
      ValueError: R is not a power of 2 of at least 8, or the images are not square.
    """
    shape = tuple(image_shape)
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] < 8 or shape[0] & (shape[0] - 1) or shape[2] < 1:
        raise ValueError(f"image_shape is {shape}, expected (R, R, C) with R a power of 2 from 8 on.")
    return shape[0], shape[2]
