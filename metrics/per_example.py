"""Metrics that are the mean of one number an example."""

from collections.abc import Callable

import keras
import numpy as np

from .batches import Data, as_dataset, batches


def mean_over_examples(
    score: Callable, model, dataset: Data, num: int | None, batch_size: int, verbose: bool
) -> dict:
    """Mean, standard error and count of `score(examples, labels, first) -> [N]` over a dataset.

    `first` is the number of the batch's first example, counted from 0. The standard error is that
    of the mean over examples: the sample standard deviation (N - 1) over sqrt(N). It is None for a
    single example.
    """
    scores = scores_of_examples(score, model, dataset, num, batch_size, verbose)
    error = float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else None
    return {
        "value": float(scores.mean()),
        "standard_error": error,
        "num_examples": len(scores),
    }


def scores_of_examples(
    score: Callable, model, dataset: Data, num: int | None, batch_size: int, verbose: bool
) -> np.ndarray:
    """`score(examples, labels, first)` of each example, float64 `[N]`."""
    dataset = as_dataset(dataset)
    count = int(dataset.cardinality())
    bar = keras.utils.Progbar(min(num or count, count), verbose=int(verbose), unit_name="example")
    scores = []
    first = 0
    for examples, labels in batches(model, dataset, batch_size, num):
        scores.append(np.asarray(score(examples, labels, first), np.float64))
        first += len(examples)
        bar.update(first)
    return np.concatenate(scores)


def numbered_seeds(seed: int, first: int, count: int) -> np.ndarray:
    """int32 `[count, 2]`, (seed, i) of the examples from number `first` on: `latentzoo.zoo.seeds`."""
    rows = np.arange(first, first + count)
    return np.stack([np.full_like(rows, seed), rows], axis=1).astype(np.int32)
