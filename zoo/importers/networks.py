"""What an importer takes out of a file, whatever its format."""

import dataclasses

import numpy as np


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


# StyleGAN2's filter, along each axis.
ROW = (1, 3, 3, 1)


def check_filter(values: np.ndarray, name: str, row: tuple[int, ...] = ROW) -> None:
    """The filter of every resampling, which is the only one that the zoo's networks have.

    Raises:
      ValueError: it is another one than `row` along each axis, with a sum of 1.
    """
    expected = np.array(row) / sum(row)
    expected = np.outer(expected, expected) if values.ndim == 2 else expected
    if values.shape != expected.shape or not np.allclose(values, expected, rtol=0, atol=1e-6):
        raise ValueError(f"{name} is another filter than {list(row)}, which is not supported")
