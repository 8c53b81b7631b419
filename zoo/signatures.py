"""Declarations of what a model offers on a server: named functions over batches of tensors.

The first axis of every input and output is the batch, and each row's answer depends on that row alone: a
server combines the rows of many requests into one batch and pads it. Values that Keras takes once per
batch, such as a seed or a temperature, are therefore inputs with one value per row.

Inputs and outputs are named after the model's arguments and methods. The export, its warm-up requests, the
clients and the command all read these declarations, so this module imports nothing slow.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

# The largest latent, w, temperature or truncation: the squares of larger values overflow in float32.
LARGEST = 1e6

# TensorFlow's names of dtypes.
UINT8, INT32, FLOAT32, BYTES = "uint8", "int32", "float32", "string"
LARGEST_INT32 = 2**31 - 1
LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127

# The names of a batch of events.
EVENTS = ("images", "vectors")


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """An input or an output of a signature.

    Attributes:
      meaning: a human-readable description, with the unit.
      dtype: TensorFlow's name of the dtype.
      shape: the shape of one row, without the batch axis.
      minimum, maximum: the inclusive range of the values; None: any value of the dtype is valid.
      example: a value that is valid for every element, for warm-up requests.
      default: what clients send for each row if the user gives no value; None: the input is required.
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
        """A human-readable range; empty if it contains all finite numbers."""
        if self.minimum is None or self.maximum is None or self.maximum == LARGEST_FLOAT32:
            return ""
        if self.dtype == FLOAT32:
            return f"at least {self.minimum:g} and at most {self.maximum:g}"
        end = "" if self.maximum == LARGEST_INT32 else f" and below {self.maximum + 1}"
        return f"at least {self.minimum}{end}"

    @property
    def expected(self) -> str:
        """A human-readable description of the values that `contains` accepts."""
        return " and ".join(filter(None, ["finite" if self.dtype == FLOAT32 else "", self.limits]))

    def as_json(self) -> dict[str, Any]:
        """The declaration as plain values: dtype, shape `["B", ...]`, meaning, and the range, if any."""
        limits = {} if self.minimum is None else {"minimum": self.minimum, "maximum": self.maximum}
        return {"dtype": self.dtype, "shape": ["B", *self.shape], "meaning": self.meaning, **limits}

    def contains(self, values: Any) -> Any:
        """Returns, elementwise, whether the values are in the range, as bool. NaN is not.

        Args:
          values: a NumPy array or a tensor. The range must not be None.

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

    An input or output named `images` is uint8 `[B, H, W, C]`; an export also offers it as encoded bytes.

    Attributes:
      name: lower case, with underscores.
      inputs: the declarations of the inputs, by name.
      outputs: the declarations of the outputs, by name.
      function: takes tensors in the order of `inputs`, returns a dict of tensors with the keys of `outputs`.
      replaced_by: the new name of a deprecated signature, which the next version removes; otherwise empty.
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
        """For example, `decode(latents float32 [B, 3]) -> images uint8 [B, 8, 8, 1]`."""
        return f"{self.name}({_text(self.inputs)}) -> {_text(self.outputs)}"


def _text(tensors: Tensors) -> str:
    return ", ".join(
        f"{name} {info.dtype} [{', '.join(map(str, ['B', *info.shape]))}]" for name, info in tensors.items()
    )


# The meaning of each name in every signature. The functions below add row shapes and a model's own limits.
STANDARD: Tensors = {
    "images": TensorInfo("images, from 0 to 255", UINT8, example=127),
    "image_bytes": TensorInfo("a PNG or a JPEG with the model's size and channels", BYTES),
    "image_png_bytes": TensorInfo("a PNG", BYTES),
    "vectors": TensorInfo("points in the data space", FLOAT32, (), -LARGEST_FLOAT32, LARGEST_FLOAT32),
    "latents": TensorInfo("latents z, standard normal under the model", FLOAT32, (), -LARGEST, LARGEST),
    "w": TensorInfo("w of a StyleGAN, one vector per style", FLOAT32, (), -LARGEST, LARGEST),
    "seed": TensorInfo("a pair of integers that alone determines the row's random numbers", INT32),
    "temperature": TensorInfo("scale of the latents", FLOAT32, (), 0.0, LARGEST, 1.0, 1.0),
    "truncation": TensorInfo(
        "psi of a StyleGAN: 0 gives the mean w, 1 leaves w as it is", FLOAT32, (), 0.0, LARGEST, 1.0, 1.0
    ),
    "labels": TensorInfo("class of the row", INT32, (), 0, LARGEST_INT32),
    "condition": TensorInfo("image that the row is conditioned on, from 0 to 255", UINT8, example=127),
    "log_prob": TensorInfo("log p, in nats", FLOAT32),
    "bits_per_dim": TensorInfo("-log2 p, or an upper bound of it, in bits per dimension", FLOAT32),
    "elbo": TensorInfo("evidence lower bound, in nats", FLOAT32),
    "kl": TensorInfo("KL divergence of the posterior from the prior, in nats", FLOAT32),
}


def _declare(name: str, shape: Sequence[int] = (), **changes) -> Tensors:
    return {name: dataclasses.replace(STANDARD[name], shape=tuple(shape), **changes)}


def images(image_shape: Sequence[int]) -> Tensors:
    """Declares `images`, uint8 `[B, H, W, C]`."""
    return _declare("images", image_shape)


def vectors(size: int) -> Tensors:
    """Declares `vectors`, finite float32 `[B, size]`, the data of a flow on vectors."""
    return _declare("vectors", (size,))


def latents(size: int) -> Tensors:
    """Declares `latents` as an input, float32 `[B, size]` in [-1e6, 1e6]."""
    return _declare("latents", (size,))


def encoded(size: int) -> Tensors:
    """Declares `latents` as an output, float32 `[B, size]`, of any value."""
    return _declare("latents", (size,), minimum=None, maximum=None)


def w(num_ws: int, w_dim: int) -> Tensors:
    """Declares `w`, float32 `[B, num_ws, w_dim]` in [-1e6, 1e6]."""
    return _declare("w", (num_ws, w_dim))


def seeds() -> Tensors:
    """Declares `seed`, int32 `[B, 2]`, one pair per row: see `latentzoo.zoo.seeds.row_seeds`."""
    return _declare("seed", (2,))


def temperatures() -> Tensors:
    """Declares `temperature`, float32 `[B]` in [0, 1e6], the scale of each row's latents."""
    return _declare("temperature")


def truncations() -> Tensors:
    """Declares `truncation`, float32 `[B]` in [0, 1e6], each row's psi."""
    return _declare("truncation")


def labels(num_classes: int) -> Tensors:
    """Declares `labels`, int32 `[B]`, the class of each row; nothing for 0 classes."""
    return _declare("labels", maximum=num_classes - 1) if num_classes else {}


def condition(image_shape: Sequence[int]) -> Tensors:
    """Declares `condition`, uint8 `[B, H, W, C]`, the images that a model is conditioned on."""
    return _declare("condition", image_shape)


def score(name: str) -> Tensors:
    """Declares a score, float32 `[B]`: one of log_prob, bits_per_dim, elbo and kl."""
    return _declare(name)
