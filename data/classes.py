"""Counts the classes of labeled data."""

import tensorflow as tf

from .batches import Data, as_dataset
from .class_numbers import names_of
from .sources import Source, in_order


def count_classes(data: Source | Data, name: str = "dataset") -> int:
    """Returns the number of classes of labeled data: of its class names, else its largest label plus one.

    Raises:
      ValueError: the data has no labels.

    >>> import numpy as np
    >>> count_classes(Source((np.zeros([3, 2]), np.array([0, 2, 2]))))
    3
    """
    if names := names_of(data):
        return len(names)
    dataset = as_dataset(in_order(data), name)
    if not isinstance(dataset.element_spec, tuple):
        raise ValueError(f"{name}: got examples without labels, expected (example, label) pairs.")
    labels = dataset.map(lambda example, label: tf.cast(label, tf.int64))
    return 1 + int(labels.reduce(tf.constant(-1, tf.int64), tf.maximum))
