"""Matches the classes of a dataset to those of a model, by their names."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import tensorflow as tf

from ..zoo.class_names import listed, match

if TYPE_CHECKING:
    from ..zoo.model import ZooModel

# A dataset: arrays, a `tf.data.Dataset`, or a `data.sources.Source`.
AnyData = TypeVar("AnyData", bound=Any)


def names_of(data: object) -> tuple[str, ...]:
    """Returns the names of the labels 0, 1, ... of some data; empty if they are not known."""
    return tuple(getattr(data, "class_names", None) or ())


def numbered_as(
    data: AnyData, model: "ZooModel", name: str = "dataset", known: Sequence[str] | None = None
) -> AnyData:
    """Returns the data with the model's labels, matching classes by their names.

    `zoo.class_names.match` defines which names are the same. The data may lack some of the model's classes.
    If either side has no names, labels do not change, except that names that are numbers match the
    numbers of a model's unnamed classes.

    Args:
      data: a source or an unbatched `tf.data.Dataset`, whose attribute `class_names` names its labels.
      model: a model of the zoo; one without classes takes any data.
      name: the name of the data in messages.
      known: names of the model's classes; None: `model.class_names`.

    Returns:
      `data` itself, or a copy with other labels if they differ, which is warned about.

    Raises:
      ValueError: the data has classes that the model does not have; the message names them.
    """
    names = names_of(data)
    if not model.num_classes or not names:
        return data
    known = tuple(model.class_names if known is None else known)
    if known:
        numbers = match(names, known)
        _check_all_found(names, numbers, known, name)
    else:
        known = tuple(str(number) for number in range(model.num_classes))
        numbers = match(names, known)
        if None in numbers:
            _check_count(names, model.num_classes, name)
            return data
    if numbers != list(range(len(names))):
        pairs = [f"{text} is {number}" for text, number in zip(names, numbers, strict=True)]
        warnings.warn(f"{name} gets the model's labels of its classes: {listed(pairs, 10)}", stacklevel=2)
        data = _renumbered(data, tf.constant(numbers, tf.int64))
    elif len(names) == len(known):
        return data
    return with_names(data, known)


def with_names(data: AnyData, names: Sequence[str]) -> AnyData:
    """Returns the same data with other class names."""
    if not isinstance(data, tf.data.Dataset):  # a source
        return dataclasses.replace(data, class_names=tuple(names))
    data = data.take(-1)  # another object with the same elements, to hold the attribute
    data.class_names = tuple(names)
    return data


def _renumbered(data, numbers):
    if not isinstance(data.element_spec, tuple):
        return data
    return data.map(lambda example, label: (example, tf.gather(numbers, label)))


def _check_all_found(names, numbers, known, name):
    unknown = [text for text, number in zip(names, numbers, strict=True) if number is None]
    if unknown:
        raise ValueError(
            f"{name} has classes that the model does not have: {listed(unknown)}; it has {listed(known, 10)}."
            " `latentzoo train --new_classes`, or `zoo.load` with num_classes, gives it a new class head."
        )


def _check_count(names, num_classes, name):
    if len(names) != num_classes:
        raise ValueError(
            f"num_classes: got {num_classes}, expected {len(names)}, the classes of {name} ({listed(names)})."
        )
