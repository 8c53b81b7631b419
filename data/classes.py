"""How many classes labelled data has."""

import tensorflow as tf

from .batches import Data, as_dataset
from .class_numbers import names_of
from .sources import Source, in_order


def count_classes(data: Source | Data, name: str = "dataset") -> int:
    """How many classes labelled data has: as many as there are names, else as the largest label asks for.

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
