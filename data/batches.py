"""Batches of examples to score a model on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ..zoo.conditions import condition_of
from .class_numbers import numbered_as
from .draws import draw

if TYPE_CHECKING:
    from ..zoo.model import ZooModel

Data = tf.data.Dataset | np.ndarray | tuple[np.ndarray, np.ndarray]


def as_dataset(data: Data, name: str = "dataset") -> tf.data.Dataset:
    """Returns `data` as an unbatched dataset of examples or (example, label) pairs.

    Args:
      data: an unbatched, finite `tf.data.Dataset`, an array of examples [N, ...], or a pair of
        arrays (examples, labels).
      name: the name of the argument in error messages.

    Raises:
      ValueError: the data is empty, infinite or of unknown length.

    >>> import numpy as np
    >>> from latentzoo.data.batches import as_dataset
    >>> int(as_dataset(np.zeros([3, 28, 28, 1], np.uint8)).cardinality())
    3
    """
    if isinstance(data, tf.data.Dataset):
        dataset: tf.data.Dataset = data
    elif len(data):
        dataset = tf.data.Dataset.from_tensor_slices(data)
    else:
        raise ValueError(f"{name}: got no examples, expected at least one.")
    count = int(dataset.cardinality())
    if count == 0:
        raise ValueError(f"{name}: got no examples, expected at least one.")
    if count < 0:
        raise ValueError(
            f"{name}: got an infinite dataset or one of unknown length, expected a finite one"
            " (tf.data.experimental.assert_cardinality sets its length)."
        )
    return dataset


def examples(data: Data, model: "ZooModel", name: str = "dataset") -> tf.data.Dataset:
    """Returns `as_dataset(data)`, checked against `model`, without labels if the model is unconditional.

    Elements for a conditional model are pairs (example, label), or pairs with another condition.

    If the dataset names its classes (`class_names`), its labels become the model's labels of those names.

    Raises:
      ValueError: as `as_dataset`; the examples do not have the model's shape; a conditional model gets no
        labels or conditions.
    """
    dataset = as_dataset(data, name)
    paired, condition = isinstance(dataset.element_spec, tuple), condition_of(model)
    if condition and not paired:
        raise ValueError(
            f"{name}: got examples without {condition.keyword}, expected (example, {condition.field}) pairs"
            f" for a model {condition.in_words}."
        )
    spec = dataset.element_spec[0] if paired else dataset.element_spec
    if not spec.shape.is_compatible_with(model.event_shape):
        raise ValueError(
            f"{name}: got examples of shape {tuple(spec.shape)},"
            f" expected the model's {tuple(model.event_shape)}."
        )
    if condition:
        return numbered_as(dataset, model, name)
    return dataset.map(lambda example, label: example) if paired else dataset


def batches(
    model: "ZooModel", dataset: Data, batch_size: int, num: int | None = None, seed: int = 0
) -> Iterator[tuple[tf.Tensor, tf.Tensor | None]]:
    """Yields batches (examples, labels) of `num` examples, drawn with `seed`.

    Without `num`, or if the dataset has no more than `num` examples, yields all in their order: see
    `draws.draw`. Instead of labels, a model may have other conditions; an unconditional one has None.

    Raises:
      ValueError: `batch_size` or `num` is below 1, or the dataset does not fit the model: see `examples`.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1.")
    drawn = draw(examples(dataset, model), num, seed)
    for batch in drawn.batch(batch_size).prefetch(tf.data.AUTOTUNE):
        yield batch if isinstance(batch, tuple) else (batch, None)
