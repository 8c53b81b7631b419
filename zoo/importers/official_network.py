"""A network of the official code, read from a file of any format."""

import dataclasses
from typing import Any

import numpy as np

from .pickles import is_short

Weights = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]
Kind = type[int] | tuple[type[int], type[float]]  # of a number


@dataclasses.dataclass(frozen=True)
class OfficialNetwork:
    """One network of the official code.

    Attributes:
      weights: for StyleGAN2, by their names in the official PyTorch code's state dict, in its layout (OIHW,
        `[out, in]`); for the first StyleGAN, as in `named_weights` (HWIO, `[in, out]`).
      activation_clamp: the value at which activations are clamped; None: they are not.
      mapping_multiplier: the learning rate multiplier of the mapping network, which also scales its weights.
      minibatch_group: the group size of the discriminator's minibatch standard deviation; None: the batch.
      minibatch_channels: the number of channels of the minibatch standard deviation.
    """

    weights: Weights
    activation_clamp: float | None = None
    mapping_multiplier: float = 0.01
    minibatch_group: int | None = None
    minibatch_channels: int = 1


# All numbers in the settings of a network are smaller.
MAX_NUMBER = 2**31

# StyleGAN2's resampling filter, along each axis.
ROW = (1, 3, 3, 1)


def check_setting(name: str, value: Any, kind: Kind = (int, float)) -> Any:
    """Returns a number from a file, checked. Errors do not show the value, which may be of any size.

    Raises:
      ValueError: it is not a number, or too large.
    """
    if not isinstance(value, kind) or not -MAX_NUMBER < value < MAX_NUMBER:
        raise ValueError(f"{name} is not a number of a usual size")
    return value


def check_name(value: Any) -> str:
    """Returns the name of a part of a network, checked.

    Raises:
      ValueError: it is not a short string.
    """
    if not is_short(value):
        raise ValueError("a part of its networks has no short name")
    return value


def check_filter(values: np.ndarray, name: str, row: tuple[int, ...] = ROW) -> None:
    """Checks a resampling filter: the zoo's networks support only one.

    Raises:
      ValueError: it is not `row` along each axis, normalized to a sum of 1.
    """
    expected = np.array(row) / sum(row)
    expected = np.outer(expected, expected) if values.ndim == 2 else expected
    if values.shape != expected.shape or not np.allclose(values, expected, rtol=0, atol=1e-6):
        raise ValueError(f"{name} is not the filter {list(row)}, which is not supported")
