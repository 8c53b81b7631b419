"""Classes of data beside those of a model: the same names are the same classes, in whatever order."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TypeVar

import tensorflow as tf

from ..zoo.class_names import listed, match

# A data set: arrays, a `tf.data.Dataset`, or a source of `latentzoo.trainers`.
Labelled = TypeVar("Labelled")


def names_of(data: Labelled | None) -> tuple[str, ...]:
    """What the labels 0, 1, ... of some data stand for; empty if it is not known."""
    return tuple(getattr(data, "class_names", None) or ())


def numbered_as(data: Labelled, model, name: str = "dataset", known: Sequence[str] | None = None) -> Labelled:
    """The data with its classes numbered as the model's, which are found by their names.

    What is the same name, `zoo.class_names.match` says. The data may lack classes that the model has. Without
    names on either side, the numbers are taken as they are; but names that are numbers are those of a model's
    classes without names.

    Args:
      data: a source or an unbatched `tf.data.Dataset`, whose attribute `class_names` names its labels.
      model: of the zoo; one without classes takes any data.
      name: of the data, for messages.
      known: names of the model's classes; None: `model.class_names`.

    Returns:
      `data`, or, if the numbers differ, the same with others; a warning says which.

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
        warnings.warn(f"{name} gets the model's numbers of its classes: {listed(pairs, 10)}", stacklevel=2)
        data = _renumbered(data, tf.constant(numbers, tf.int64))
    elif len(names) == len(known):
        return data
    return with_names(data, known)


def with_names(data: Labelled, names: Sequence[str]) -> Labelled:
    """The same data, with other names of its labels."""
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
