"""What the networks of all style-based generators have in common: resolutions, precision, seeds."""

import keras
import numpy as np

# Under a mixed policy: how many of the resolutions compute in the low precision.
LOW_PRECISION_RESOLUTIONS = 4


def resolutions(last: int) -> list[int]:
    """4, 8, 16 and so on."""
    return [2**i for i in range(2, last.bit_length())]


def policy_at(size: int, resolution: int, policy: keras.DTypePolicy) -> keras.DTypePolicy | str:
    """The dtype policy of the layers of a size: the given one at the highest four, from 8x8 on."""
    is_high = size >= max(resolution >> (LOW_PRECISION_RESOLUTIONS - 1), 8)
    return policy if is_high else policy.variable_dtype


def seed_of_part(seed: int, number: int) -> int:
    """The seed of a part of a network."""
    return int(np.random.default_rng([seed, number]).integers(2**31))


def check_square(image_shape) -> tuple[int, int]:
    """(R, C) of (R, R, C).

    Raises:
      ValueError: R is no power of 2 from 8 on, or another shape.
    """
    shape = tuple(image_shape)
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] < 8 or shape[0] & (shape[0] - 1) or shape[2] < 1:
        raise ValueError(f"image_shape is {shape}, expected (R, R, C) with R a power of 2 from 8 on.")
    return shape[0], shape[2]
