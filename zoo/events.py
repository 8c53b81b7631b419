"""The events that a model describes, images or vectors, and everything that depends on their kind."""

import abc
import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf
from numpy.typing import ArrayLike

from . import images, signatures
from .signatures import Tensors

# A vector is restored if it comes back to a part in 2^9 of its size, as a pixel to half of its 8-bit bin.
_HALF_BINS = 2.0**9


@dataclasses.dataclass(frozen=True)
class Events(abc.ABC):
    """The kind of events that a model describes.

    Attributes:
      name: name of a batch of events, in messages and as the input and output of a server.
      loss_name: unit of the negative log-likelihood, bits_per_dim or nats.
      shape: shape of one event.
    """

    name: ClassVar[str]
    loss_name: ClassVar[str]

    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of dimensions, the product of `shape`."""
        return math.prod(self.shape)

    @abc.abstractmethod
    def check(self, events: ArrayLike, name: str | None = None) -> tf.Tensor:
        """Returns `events` as a tensor after checking shape, dtype and all values.

        Args:
          name: name of the argument, for messages; `self.name` by default.

        Raises:
          ValueError: `events` is not a valid batch.
        """

    @abc.abstractmethod
    def check_kind(self, events: tf.Tensor, name: str | None = None) -> None:
        """The part of `check` that needs no values, for graphs.

        Raises:
          ValueError: a wrong shape or dtype.
        """

    def check_one(self, event: ArrayLike, name: str) -> tf.Tensor:
        """Returns a single event as a batch of one, after checking it.

        Raises:
          ValueError: it is not a valid event.
        """
        tensor = images.as_tensor(event, name)
        if tensor.shape != self.shape:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {self.shape}.")
        return self.check(tensor[None], name)

    @abc.abstractmethod
    def dequantize(self, events: tf.Tensor, noise: tf.Tensor | float = 0.5) -> tf.Tensor:
        """Returns float32 continuous values, on which densities are defined.

        Args:
          noise: in [0, 1), the position of a uint8 pixel within its bin; 1/2 is the center.
        """

    @abc.abstractmethod
    def clip(self, events: tf.Tensor) -> tf.Tensor:
        """Clips generated values to the range of events."""

    @abc.abstractmethod
    def loss(self, negative_log_prob: tf.Tensor) -> tf.Tensor:
        """Converts a negative log-density in nats to the unit `loss_name`."""

    def reconstruction_error(self, events: tf.Tensor, restored: tf.Tensor) -> tf.Tensor:
        """Returns the largest error of each row, float32 `[N]`; up to 1 counts as restored.

        The unit is half a bin for pixels, and relative to its size for a vector.
        """
        x = tf.reshape(self.dequantize(events), [-1, self.size])
        error = tf.reduce_max(tf.abs(tf.reshape(restored, [-1, self.size]) - x), axis=1)
        return error / self._tolerance(x)

    @abc.abstractmethod
    def _tolerance(self, x: tf.Tensor) -> tf.Tensor | float:
        """Returns the error of flat events `[N, D]` that counts as 1."""

    @abc.abstractmethod
    def warn_if_quantized(self, events: tf.Tensor, use: str, grids: Sequence[str] = images.GRIDS) -> None:
        """Warns about 8-bit pixels in place of continuous values: see `images.warn_if_quantized`."""

    @abc.abstractmethod
    def tensors(self) -> Tensors:
        """Returns the declaration of a batch of events as input or output of a server."""

    @abc.abstractmethod
    def served(self, events: tf.Tensor) -> tf.Tensor:
        """Converts generated events to what a server returns: uint8 images, or unchanged vectors."""


@dataclasses.dataclass(frozen=True)
class Images(Events):
    """Images `[N, H, W, C]`, uint8 or float32 in [0, 1].

    Attributes:
      shape: (H, W, C).
      num_bits: number of bits per color channel that are modeled.
    """

    name = "images"
    loss_name = "bits_per_dim"

    shape: tuple[int, int, int]
    num_bits: int = 8

    def check(self, events, name=None):
        return images.check_images(events, self.shape, name or self.name)

    def check_kind(self, events, name=None):
        images.check_kind(events, self.shape, name or self.name)

    def dequantize(self, events, noise=0.5):
        return images.dequantize(events, noise, self.num_bits)

    def clip(self, events):
        return tf.clip_by_value(events, 0.0, 1.0)

    def loss(self, negative_log_prob):
        return negative_log_prob / (self.size * math.log(2)) + self.num_bits

    def _tolerance(self, x):
        return 2.0 ** -(self.num_bits + 1)

    def warn_if_quantized(self, events, use, grids=images.GRIDS):
        images.warn_if_quantized(events, use, grids)

    def tensors(self):
        return signatures.images(self.shape)

    def served(self, events):
        return images.to_uint8(events)


@dataclasses.dataclass(frozen=True)
class Vectors(Events):
    """Vectors `[N, D]` of finite float32 numbers."""

    name = "vectors"
    loss_name = "nats"

    def check(self, events, name=None):
        return images.check_vectors(events, self.size, name or self.name)

    def check_kind(self, events, name=None):
        images.check_kind_of_vectors(events, self.size, name or self.name)

    def dequantize(self, events, noise=0.5):
        return events

    def clip(self, events):
        return events

    def loss(self, negative_log_prob):
        return negative_log_prob

    def _tolerance(self, x):
        return tf.maximum(1.0, tf.reduce_max(tf.abs(x), axis=1)) / _HALF_BINS

    def warn_if_quantized(self, events, use, grids=images.GRIDS):
        """Does nothing: vectors have no pixels."""

    def tensors(self):
        return signatures.vectors(self.size)

    def served(self, events):
        return tf.identity(events)


def events_of(shape: Sequence[int], num_bits: int = 8) -> Events:
    """Returns `Images` for a shape (H, W, C), `Vectors` for (D,).

    Raises:
      ValueError: another shape.

    >>> from latentzoo.zoo.events import events_of
    >>> events_of((28, 28, 1)).size, events_of((2,)).loss_name
    (784, 'nats')
    """
    shape = tuple(shape)
    if len(shape) == 3:
        return Images(shape, num_bits)
    if len(shape) == 1:
        return Vectors(shape)
    raise ValueError(f"event_shape is {shape}, expected (H, W, C) of images or (D,) of vectors.")
