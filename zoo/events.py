"""What a model is about, images or vectors, and everything that depends on which of the two it is."""

import abc
import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf

from . import images, signatures
from .signatures import Tensors

# A vector is restored if it comes back to a part in 2^9 of its size, as a pixel to half of its 8-bit bin.
_HALF_BINS = 2.0**9


@dataclasses.dataclass(frozen=True)
class Events(abc.ABC):
    """The kind of a model's events.

    Attributes:
      name: of a batch of them, in messages and as the input and the output of a server.
      loss_name: what the negative log-likelihood is in: bits_per_dim, or nats.
      shape: of one event.
    """

    name: ClassVar[str]
    loss_name: ClassVar[str]

    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of dimensions, the product of `shape`."""
        return math.prod(self.shape)

    @abc.abstractmethod
    def check(self, events, name: str | None = None) -> tf.Tensor:
        """`events` as a tensor, if it is a batch of them: shape, dtype, and all values.

        Args:
          name: of the argument, for messages; None: `self.name`.

        Raises:
          ValueError: it is not.
        """

    @abc.abstractmethod
    def check_kind(self, events: tf.Tensor, name: str | None = None) -> None:
        """The part of `check` that needs no values, for graphs.

        Raises:
          ValueError: a wrong shape or dtype.
        """

    def check_one(self, event, name: str) -> tf.Tensor:
        """A single event as a batch of one, checked.

        Raises:
          ValueError: it is no event.
        """
        event = images.as_tensor(event, name)
        if event.shape != self.shape:
            raise ValueError(f"{name} has shape {tuple(event.shape)}, expected {self.shape}.")
        return self.check(event[None], name)

    @abc.abstractmethod
    def dequantize(self, events: tf.Tensor, noise: tf.Tensor | float = 0.5) -> tf.Tensor:
        """float32: the continuous values that densities are of.

        Args:
          noise: in [0, 1), where in its bin a uint8 pixel lies; 1/2: at the center.
        """

    @abc.abstractmethod
    def clip(self, events: tf.Tensor) -> tf.Tensor:
        """What was generated, within the range that events have."""

    @abc.abstractmethod
    def loss(self, negative_log_prob: tf.Tensor) -> tf.Tensor:
        """Nats of a density as `loss_name` says."""

    def reconstruction_error(self, events: tf.Tensor, restored: tf.Tensor) -> tf.Tensor:
        """float32 `[N]`, the largest error of each row; up to 1 it is the event itself.

        In half bins of a pixel; of a vector, in parts of its size.
        """
        x = tf.reshape(self.dequantize(events), [-1, self.size])
        error = tf.reduce_max(tf.abs(tf.reshape(restored, [-1, self.size]) - x), axis=1)
        return error / self._tolerance(x)

    @abc.abstractmethod
    def _tolerance(self, x: tf.Tensor) -> tf.Tensor | float:
        """The error of flat events `[N, D]` that is called 1."""

    @abc.abstractmethod
    def warn_if_quantized(self, events: tf.Tensor, use: str, grids: Sequence[str] = images.GRIDS) -> None:
        """Warns of 8-bit pixels where continuous values belong: see `images.warn_if_quantized`."""

    @abc.abstractmethod
    def tensors(self) -> Tensors:
        """How a server declares a batch of events, going in or coming out."""

    @abc.abstractmethod
    def served(self, events: tf.Tensor) -> tf.Tensor:
        """Generated events as a server gives them: uint8 images, or vectors as they are."""


@dataclasses.dataclass(frozen=True)
class Images(Events):
    """Images `[N, H, W, C]`, uint8 or float32 in [0, 1].

    Attributes:
      shape: (H, W, C).
      num_bits: of a color channel that are modeled.
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
        """Vectors have no pixels."""

    def tensors(self):
        return signatures.vectors(self.size)

    def served(self, events):
        return tf.identity(events)


def events_of(shape: Sequence[int], num_bits: int = 8) -> Events:
    """Images for a shape (H, W, C), vectors for (D,).

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
