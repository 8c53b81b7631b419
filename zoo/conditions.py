"""What a model is conditioned on: nothing, class labels, or an image.

Public methods take `labels` for class-conditional models and `condition` for others, as given by `keyword`.
Within models, a condition is one tensor with the batch as its first axis, or None.
"""

from . import keras_backend  # noqa: F401  # isort: skip
import abc
import dataclasses
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from . import fit_data, images, signatures
from .signatures import Tensors


@dataclasses.dataclass(frozen=True)
class Condition(abc.ABC):
    """What a model is conditioned on.

    Attributes:
      keyword: argument of public methods and input of a server: "labels", "condition", or None.
      field: field of a dataset that holds the condition: "label", "condition", or None.
      differs_in_values: whether a batch of valid shape and dtype may hold invalid values, so that `fit`
        checks every batch.
    """

    keyword: ClassVar[str | None] = None
    field: ClassVar[str | None] = None
    differs_in_values: ClassVar[bool] = False
    # The shape of one condition.
    shape: ClassVar[tuple[int, ...]] = ()

    def __bool__(self) -> bool:
        return self.keyword is not None

    @property
    def in_words(self) -> str:
        """A description that follows "a model" in messages."""
        return "without a condition"

    def check(
        self, count: int, owner: str, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tf.Tensor | None:
        """Returns a batch of `count` conditions as one tensor, or None for an unconditional model.

        Args:
          count: number of rows of the batch.
          owner: the model's name, for messages.
          labels, condition: arguments of a public method: one per row, or one for all.

        Raises:
          ValueError: the wrong one of the two was given, or the right one is missing or invalid.
        """
        return self._check(self._given(owner, labels, condition), count)

    def check_any_shape(
        self, owner: str, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tf.Tensor | None:
        """Does the same for a batch of any shape; the values of symbolic tensors are not checked."""
        given = self._given(owner, labels, condition)
        if not self or given is None:
            return self._check(given, 1)
        given = tf.convert_to_tensor(given)
        values = tf.get_static_value(given)
        if values is not None:
            rows = np.reshape(values, [-1, *self.shape]) if self.shape else np.reshape(values, [-1])
            self._check(rows, len(rows))
        return self.as_tensor(given)

    def _given(self, owner, labels, condition):
        given = {"labels": labels, "condition": condition}
        for keyword, value in given.items():
            if value is not None and keyword != self.keyword:
                was = "labels were" if keyword == "labels" else "condition was"
                is_what = f"conditioned on {self.keyword}" if self else "unconditional"
                expected = self.keyword or "none"
                raise ValueError(f"{was} given, but {owner} is {is_what}: expected {expected}.")
        return given[self.keyword] if self.keyword else None

    def keywords(self, value) -> dict:
        """Returns a batch of conditions as keyword arguments of public methods; none for None.

        >>> from latentzoo.zoo.conditions import ClassLabels
        >>> ClassLabels(10).keywords([3, 7])
        {'labels': [3, 7]}
        """
        return {} if self.keyword is None or value is None else {self.keyword: value}

    def unpack(self, inputs) -> tuple:
        """Splits the inputs of `call` into the events and the tensor of their conditions, or None."""
        events, value = inputs if self else (inputs, None)
        return events, None if value is None else self.as_tensor(value)

    def batch_shape(self, value: tf.Tensor | None) -> tf.Tensor:
        """Returns the batch shape of a tensor of conditions, int32; empty for None."""
        if value is None:
            return tf.zeros([0], tf.int32)
        return tf.shape(value)[: value.shape.rank - len(self.shape)]

    @abc.abstractmethod
    def _check(self, value, count: int) -> tf.Tensor | None:
        """Returns `value`, or None if none was given, as a batch of `count`."""

    @abc.abstractmethod
    def as_tensor(self, value) -> tf.Tensor | None:
        """Converts what Keras or a server passes to what models use; also in graphs."""

    @abc.abstractmethod
    def of_fit(self, y, examples, owner: str):
        """Returns the condition in a batch of `fit`, which is in the place of Keras's targets.

        Raises:
          ValueError: the condition is missing, or y is not a condition.
        """

    def tensors(self) -> Tensors:
        """Returns the inputs of a server in addition to the events, by name."""
        return {}

    def input_spec(self) -> keras.InputSpec | None:
        """Returns the spec of the condition as an input of `call`, for Keras's exports."""
        return None


@dataclasses.dataclass(frozen=True)
class Unconditional(Condition):
    """No condition; labels of a dataset are ignored."""

    def _check(self, value, count):
        return None

    def as_tensor(self, value):
        return None

    def of_fit(self, y, examples, owner):
        if y is not None and len(y.shape) > 1 and tuple(y.shape[1:]) == tuple(examples.shape[1:]):
            raise ValueError(
                f"y has the shape of x, {tuple(y.shape)}: {owner} has no targets, expected labels."
            )
        return None


@dataclasses.dataclass(frozen=True)
class ClassLabels(Condition):
    """Class labels, non-negative integers `[N]`; int32 within models.

    Attributes:
      num_classes: number of classes, at least 1.
    """

    keyword = "labels"
    field = "label"
    differs_in_values = True

    num_classes: int

    @property
    def in_words(self):
        return f"with num_classes={self.num_classes}"

    def _check(self, value, count):
        if value is None:
            raise ValueError(f"labels are missing, expected {count} integers below {self.num_classes}.")
        try:
            labels = np.asarray(value)
        except ValueError:
            raise ValueError(f"labels make no array, expected {count} integers.") from None
        if labels.shape not in ((), (count,)) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels have shape {labels.shape} and dtype {labels.dtype}, expected {count} integers."
            )
        if labels.min() < 0 or labels.max() >= self.num_classes:
            raise ValueError(
                f"labels are from {labels.min()} to {labels.max()}, "
                f"expected integers in [0, {self.num_classes})."
            )
        return tf.broadcast_to(tf.cast(labels, tf.int32), [count])

    def as_tensor(self, value):
        return tf.cast(value, tf.int32)

    def of_fit(self, y, examples, owner):
        if y is None:
            raise ValueError(
                f"{owner} has {self.num_classes} classes and got images alone, expected (images, labels)."
            )
        return fit_data.as_row(y)

    def tensors(self):
        return signatures.labels(self.num_classes)

    def input_spec(self):
        return keras.InputSpec(shape=(None,), dtype="int32", name=self.keyword)


@dataclasses.dataclass(frozen=True)
class ConditionImage(Condition):
    """An image for each event, `[N, H, W, C]`, uint8 or float32 in [0, 1].

    Within models it is float32, with uint8 pixels at the centers of their bins.

    Attributes:
      shape: (H, W, C).
    """

    keyword = "condition"
    field = "condition"

    shape: tuple[int, int, int]

    @property
    def in_words(self):
        return f"conditioned on images of shape {self.shape}"

    def _check(self, value, count):
        if value is None:
            raise ValueError(f"condition is missing, expected {count} images of shape {self.shape}.")
        value = images.as_tensor(value, "condition")
        one_for_all = value.shape.rank == 3
        value = images.check_images(value[None] if one_for_all else value, self.shape, "condition")
        if not one_for_all and value.shape[0] != count:
            raise ValueError(f"condition has {value.shape[0]} rows, expected {count}, or one for all.")
        return tf.broadcast_to(self.as_tensor(value), [count, *self.shape])

    def as_tensor(self, value):
        return images.bin_centers(images.from_keras(value))

    def of_fit(self, y, examples, owner):
        if y is None:
            raise ValueError(
                f"{owner} is conditioned on images and got no condition, expected (images, condition)."
            )
        images.check_kind(images.from_keras(y), self.shape, "condition")
        return y

    def tensors(self):
        return signatures.condition(self.shape)

    def input_spec(self):
        return keras.InputSpec(shape=(None, *self.shape), dtype="float32", name=self.keyword)


def of_classes(num_classes: int) -> Condition:
    """Returns `ClassLabels`, or `Unconditional` for 0 classes."""
    return ClassLabels(num_classes) if num_classes else Unconditional()


def condition_of(model) -> Condition:
    """Returns `model.condition`; for a model that is not of this zoo, class labels by its `num_classes`.

    >>> class Model:
    ...     num_classes = 3
    >>> condition_of(Model())
    ClassLabels(num_classes=3)
    """
    condition = getattr(model, "condition", None)
    return of_classes(model.num_classes) if condition is None else condition
