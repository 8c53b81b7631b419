"""What an importer takes out of a file, whatever its format."""

import dataclasses
from typing import Any

import numpy as np

from .pickles import is_short


@dataclasses.dataclass(frozen=True)
class OfficialNetwork:
    """One network of the official code.

    Attributes:
      weights: StyleGAN2's by the names of the official PyTorch code's state dict, in its layout (OIHW,
        `[out, in]`); the first StyleGAN's by those of `named_weights`, in its layout (HWIO, `[in, out]`).
      activation_clamp: where activations are cut; None: nowhere.
      mapping_multiplier: of the learning rate of the mapping network, which also scales its weights.
      minibatch_group, minibatch_channels: of the discriminator's minibatch standard deviation. A group of
        None is the whole batch.
    """

    weights: dict[str, np.ndarray]
    activation_clamp: float | None = None
    mapping_multiplier: float = 0.01
    minibatch_group: int | None = None
    minibatch_channels: int = 1


# No number in the settings of a network is as large.
MAX_NUMBER = 2**31

# StyleGAN2's filter, along each axis.
ROW = (1, 3, 3, 1)


def check_setting(name: str, value: Any, kind: type | tuple[type, ...] = (int, float)) -> Any:
    """A number from a file. What is none is not shown: it may be anything, of any size.

    Raises:
      ValueError: it is no number, or too large.
    """
    if not isinstance(value, kind) or not -MAX_NUMBER < value < MAX_NUMBER:
        raise ValueError(f"{name} is no number of a usual size")
    return value


def check_name(value: Any) -> str:
    """The name of a part of a network, which becomes a part of longer names.

    Raises:
      ValueError: it is no short text.
    """
    if not is_short(value):
        raise ValueError("a part of its networks has no short name")
    return value


def check_filter(values: np.ndarray, name: str, row: tuple[int, ...] = ROW) -> None:
    """The filter of every resampling, which is the only one that the zoo's networks have.

    Raises:
      ValueError: it is another one than `row` along each axis, with a sum of 1.
    """
    expected = np.array(row) / sum(row)
    expected = np.outer(expected, expected) if values.ndim == 2 else expected
    if values.shape != expected.shape or not np.allclose(values, expected, rtol=0, atol=1e-6):
        raise ValueError(f"{name} is another filter than {list(row)}, which is not supported")
