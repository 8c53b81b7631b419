"""What an importer takes out of a file, whatever its format."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class OfficialNetwork:
    """One network of the official code.

    Attributes:
      weights: by the names of the official PyTorch code's state dict, in its layout (OIHW, `[out, in]`).
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


def check_filter(values: np.ndarray, name: str) -> None:
    """The filter of every resampling, which is the only one that the zoo's networks have.

    Raises:
      ValueError: it is another one.
    """
    row = np.array([1, 3, 3, 1]) / 8
    expected = np.outer(row, row) if values.ndim == 2 else row
    if values.shape != expected.shape or not np.allclose(values, expected, rtol=0, atol=1e-6):
        raise ValueError(f"{name} is another filter than [1, 3, 3, 1], which is not supported")
