"""What a model offers a server: named functions over batches of tensors, declared beside the model.

Every input and output has the batch as its first axis, and a row's answer depends on that row alone: a
server puts the rows of many requests into one batch, and pads it. So what Keras takes once for a batch,
a seed or a temperature, is an input with one value for each row.

Inputs and outputs are called as the arguments and methods of the model are. The export, its requests for
warm-up, the clients and the command all read these declarations, so this module needs nothing slow to import.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

# The largest latent, w, temperature or truncation: squares of larger ones overflow in float32.
LARGEST = 1e6

# TensorFlow's names of types.
UINT8, INT32, FLOAT32, BYTES = "uint8", "int32", "float32", "string"
LARGEST_INT32 = 2**31 - 1
LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127

# What a batch of events is called.
EVENTS = ("images", "vectors")


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """An input or an output of a signature.

    Attributes:
      meaning: what it is, in words, with its unit.
      dtype: of the values, by TensorFlow's name.
      shape: of one row, without the batch.
      minimum, maximum: of the values, both included; None: every value of the dtype will do.
      example: a value that every element may have, for requests that warm a server up.
      default: what clients send for each row if they are given none; None: it must be given.
    """

    meaning: str
    dtype: str
    shape: tuple[int, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    example: float | bytes = 0
    default: float | None = None

    @property
    def limits(self) -> str:
        """The range in words; empty if all finite numbers are in it."""
        if self.minimum is None or self.maximum is None or self.maximum == LARGEST_FLOAT32:
            return ""
        if self.dtype == FLOAT32:
            return f"at least {self.minimum:g} and at most {self.maximum:g}"
        end = "" if self.maximum == LARGEST_INT32 else f" and below {self.maximum + 1}"
        return f"at least {self.minimum}{end}"

    @property
    def expected(self) -> str:
        """What `contains` holds for, in words."""
        return " and ".join(filter(None, ["finite" if self.dtype == FLOAT32 else "", self.limits]))

    def as_json(self) -> dict[str, Any]:
        """Plain values: dtype, shape `["B", ...]`, meaning, and the range if there is one."""
        limits = {} if self.minimum is None else {"minimum": self.minimum, "maximum": self.maximum}
        return {"dtype": self.dtype, "shape": ["B", *self.shape], "meaning": self.meaning, **limits}

    def contains(self, values: Any) -> Any:
        """bool, for each of the values: whether it is in the range, which NaN is not.

        Args:
          values: an array of NumPy or a tensor. The range must not be None.

        >>> import numpy as np
        >>> from latentzoo.zoo.signatures import temperatures
        >>> temperatures()["temperature"].contains(np.array([0.7, -1.0, np.nan])).tolist()
        [True, False, False]
        """
        return (values >= self.minimum) & (values <= self.maximum)


Tensors = dict[str, TensorInfo]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A named function over named batches.

    What is called `images`, going in or coming out, is uint8 `[B, H, W, C]`, and an export offers it as
    encoded bytes too.

    Attributes:
      name: lower case, with underscores.
      inputs: by name.
      outputs: by name.
      function: tensors in the order of `inputs` -> dict of tensors, those of `outputs`.
      replaced_by: the new name of a signature that goes with the next version; empty: it stays.
    """

    name: str
    inputs: Tensors
    outputs: Tensors
    function: Callable[..., dict[str, "tf.Tensor"]]
    replaced_by: str = ""

    def as_json(self) -> dict[str, Any]:
        """The declaration as plain values: inputs and outputs with dtype, shape, meaning and range."""
        sides = {"inputs": self.inputs, "outputs": self.outputs}
        described = {
            side: {name: info.as_json() for name, info in tensors.items()} for side, tensors in sides.items()
        }
        return {**described, **({"replaced_by": self.replaced_by} if self.replaced_by else {})}

    def __str__(self) -> str:
        """Such as `decode(latents float32 [B, 3]) -> images uint8 [B, 8, 8, 1]`."""
        return f"{self.name}({_text(self.inputs)}) -> {_text(self.outputs)}"


def _text(tensors: Tensors) -> str:
    return ", ".join(
        f"{name} {info.dtype} [{', '.join(map(str, ['B', *info.shape]))}]" for name, info in tensors.items()
    )


# What each name means, in every signature. Shapes of rows, and limits that a model sets, are added below.
STANDARD: Tensors = {
    "images": TensorInfo("images, from 0 to 255", UINT8, example=127),
    "image_bytes": TensorInfo("a PNG or a JPEG of the model's size and channels", BYTES),
    "image_png_bytes": TensorInfo("a PNG", BYTES),
    "vectors": TensorInfo("points of the data's space", FLOAT32, (), -LARGEST_FLOAT32, LARGEST_FLOAT32),
    "latents": TensorInfo("latents z, standard normal under the model", FLOAT32, (), -LARGEST, LARGEST),
    "w": TensorInfo("w of a StyleGAN, a vector for each style", FLOAT32, (), -LARGEST, LARGEST),
    "seed": TensorInfo("a pair of integers, from which alone the row is drawn", INT32),
    "temperature": TensorInfo("scale of the latents", FLOAT32, (), 0.0, LARGEST, 1.0, 1.0),
    "truncation": TensorInfo(
        "psi of a StyleGAN: 0 gives the mean w, 1 leaves w as it is", FLOAT32, (), 0.0, LARGEST, 1.0, 1.0
    ),
    "labels": TensorInfo("class of the row", INT32, (), 0, LARGEST_INT32),
    "condition": TensorInfo("image that the row is conditioned on, from 0 to 255", UINT8, example=127),
    "log_prob": TensorInfo("log p, in nats", FLOAT32),
    "bits_per_dim": TensorInfo("-log2 p, or a bound of it, in bits for each dimension", FLOAT32),
    "elbo": TensorInfo("evidence lower bound, in nats", FLOAT32),
    "kl": TensorInfo("Kullback-Leibler divergence of posterior and prior, in nats", FLOAT32),
}


def _declare(name: str, shape: tuple[int, ...] = (), **changes) -> Tensors:
    return {name: dataclasses.replace(STANDARD[name], shape=tuple(shape), **changes)}


def images(image_shape: tuple[int, int, int]) -> Tensors:
    """`images`, uint8 `[B, H, W, C]`."""
    return _declare("images", image_shape)


def vectors(size: int) -> Tensors:
    """`vectors`, finite float32 `[B, size]`, the data of a flow on vectors."""
    return _declare("vectors", (size,))


def latents(size: int) -> Tensors:
    """`latents` that go in, float32 `[B, size]` in [-1e6, 1e6]."""
    return _declare("latents", (size,))


def encoded(size: int) -> Tensors:
    """`latents` that come out, float32 `[B, size]`, wherever the data has them."""
    return _declare("latents", (size,), minimum=None, maximum=None)


def w(num_ws: int, w_dim: int) -> Tensors:
    """`w`, float32 `[B, num_ws, w_dim]` in [-1e6, 1e6]."""
    return _declare("w", (num_ws, w_dim))


def seeds() -> Tensors:
    """`seed`, int32 `[B, 2]`, a pair for each row: `latentzoo.zoo.seeds.row_seeds`."""
    return _declare("seed", (2,))


def temperatures() -> Tensors:
    """`temperature`, float32 `[B]` in [0, 1e6], the scale of each row's latents."""
    return _declare("temperature")


def truncations() -> Tensors:
    """`truncation`, float32 `[B]` in [0, 1e6], each row's psi."""
    return _declare("truncation")


def labels(num_classes: int) -> Tensors:
    """`labels`, int32 `[B]`, the class of each row; nothing for a model without classes."""
    return _declare("labels", maximum=num_classes - 1) if num_classes else {}


def condition(image_shape: tuple[int, int, int]) -> Tensors:
    """`condition`, uint8 images `[B, H, W, C]`, of a model that is conditioned on another image."""
    return _declare("condition", image_shape)


def score(name: str) -> Tensors:
    """A score, float32 `[B]`: one of log_prob, bits_per_dim, elbo and kl."""
    return _declare(name)
