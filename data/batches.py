"""The batches that a model is scored on."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from .class_numbers import numbered_as
from .draws import draw

Data = tf.data.Dataset | np.ndarray | tuple[np.ndarray, np.ndarray]


def as_dataset(data: Data, name: str = "dataset") -> tf.data.Dataset:
    """`data` as an unbatched dataset of examples or (example, label) pairs.

    Args:
      data: an unbatched, finite `tf.data.Dataset`, an array of examples [N, ...], or a pair of
        arrays (examples, labels).
      name: the argument that an error names.

    Raises:
      ValueError: it is empty, infinite or of unknown length.

    >>> import numpy as np
    >>> from latentzoo.data.batches import as_dataset
    >>> int(as_dataset(np.zeros([3, 28, 28, 1], np.uint8)).cardinality())
    3
    """
    if not isinstance(data, tf.data.Dataset):
        if len(data) == 0:
            raise ValueError(f"{name}: got no examples, expected at least one.")
        data = tf.data.Dataset.from_tensor_slices(data)
    count = int(data.cardinality())
    if count == 0:
        raise ValueError(f"{name}: got no examples, expected at least one.")
    if count < 0:
        raise ValueError(
            f"{name}: got an infinite dataset or one of unknown length, expected a finite one"
            " (tf.data.experimental.assert_cardinality tells its length)."
        )
    return data


def examples(data: Data, model, name: str = "dataset") -> tf.data.Dataset:
    """`as_dataset`, checked against `model`; labels that an unconditional model ignores are dropped.

    Elements for a conditional model are pairs: (example, label), or what else it is conditioned on.

    A dataset that names its classes (`class_names`) gets the model's numbers of them.

    Raises:
      ValueError: as `as_dataset`; examples of another shape than the model's; no labels or conditions
        where it is conditional.
    """
    dataset = as_dataset(data, name)
    paired, condition = isinstance(dataset.element_spec, tuple), model.condition
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
    model, dataset: Data, batch_size: int, num: int | None = None, seed: int = 0
) -> Iterator[tuple[tf.Tensor, tf.Tensor | None]]:
    """Yields (examples, labels) of `num` examples, a draw of `seed`.

    In place of labels is what the model is conditioned on, None for an unconditional one.

    Without `num`, or where there are no more, of all examples in their order: see `draws.draw`.

    Raises:
      ValueError: a bad `batch_size` or `num`, or a dataset that is not of the model: see `examples`.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1.")
    dataset = draw(examples(dataset, model), num, seed)
    for batch in dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE):
        yield batch if isinstance(batch, tuple) else (batch, None)
