"""What a model offers a server: named functions over batches of tensors, declared beside the model.

Every input and output has the batch as its first axis, and a row's answer depends on that row alone: a
server puts the rows of many requests into one batch, and pads it. So what Keras takes once for a batch,
a seed or a temperature, is an input with one value for each row.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

# The largest latent, style, temperature or truncation: squares of larger ones overflow in float32.
LARGEST = 1e6


@dataclasses.dataclass(frozen=True)
class Input:
    """One input of a signature.

    Attributes:
      shape: of one row, without the batch.
      dtype: of the values.
      example: a value that every element may have, for requests that warm a server up.
      expected: in words, what `valid` holds for.
      valid: values -> bool tensor; None: every value of the dtype will do.
    """

    shape: tuple[int, ...]
    dtype: tf.DType
    example: float | bytes = 0
    expected: str = ""
    valid: Callable[[tf.Tensor], tf.Tensor] | None = None


@dataclasses.dataclass(frozen=True)
class Signature:
    """A named function over named batches.

    What is called `images`, going in or coming out, is uint8 `[B, H, W, C]`, and an export offers it as
    encoded bytes too.

    Attributes:
      name: lower case, with underscores.
      inputs: by name.
      function: tensors in the order of `inputs` -> dict of tensors, each with the batch first.
    """

    name: str
    inputs: dict[str, Input]
    function: Callable[..., dict[str, tf.Tensor]]


def images(image_shape: tuple[int, int, int]) -> Input:
    """uint8 images `[B, H, W, C]`."""
    return Input(image_shape, tf.uint8, example=127)


def vectors(size: int) -> Input:
    """float32 vectors `[B, size]`, the data of a flow on vectors."""
    return Input((size,), tf.float32, expected="finite", valid=tf.math.is_finite)


def latents(size: int) -> Input:
    """float32 latents or styles `[B, size]`."""
    expected = "finite, from -1e6 to 1e6"
    return Input((size,), tf.float32, expected=expected, valid=lambda x: tf.abs(x) <= LARGEST)


def seeds() -> Input:
    """int32 `[B, 2]`, a pair for each row: `latentzoo.zoo.seeds.row_seeds`."""
    return Input((2,), tf.int32)


def temperatures() -> Input:
    """float32 `[B]`, the scale of each row's latents."""
    expected = "finite and at least 0, and at most 1e6"
    return Input((), tf.float32, 1.0, expected, lambda x: (x >= 0) & (x <= LARGEST))


def labels(num_classes: int) -> dict[str, Input]:
    """The input `labels`, int32 `[B]`, the class of each row; nothing for a model without classes."""
    if not num_classes:
        return {}
    expected = f"at least 0 and below {num_classes}"
    return {"labels": Input((), tf.int32, 0, expected, lambda x: (x >= 0) & (x < num_classes))}
