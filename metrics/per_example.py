"""Metrics that are the mean of one number an example."""

from collections.abc import Callable

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..data.draws import describe_draw
from ..zoo.progress import Progress


def mean_over_examples(
    score: Callable,
    model,
    dataset: Data,
    num_examples: int | None,
    batch_size: int,
    seed: int,
    verbose: bool,
    protocol: str,
) -> dict:
    """Mean, standard error, count and protocol of `score(examples, labels, first) -> [N]` over a dataset.

    `first` is the number of the batch's first example, counted from 0. Of a part, a draw of `seed`, the
    protocol says so. The standard error is that
    of the mean over examples: the sample standard deviation (N - 1) over sqrt(N). It is None for a
    single example.
    """
    scores = scores_of_examples(score, model, dataset, num_examples, batch_size, seed, verbose)
    error = float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else None
    return {
        "protocol": with_part(protocol, dataset, num_examples, seed),
        "value": float(scores.mean()),
        "standard_error": error,
        "num_examples": len(scores),
    }


def with_part(protocol: str, dataset: Data, num_examples: int | None, seed: int) -> str:
    """The protocol of a score; if it is of a part of the dataset, with how that was drawn."""
    count = int(as_dataset(dataset).cardinality())
    if num_examples is None or num_examples >= count:
        return protocol
    return f"{protocol}; {describe_draw(count, num_examples, seed)}"


def scores_of_examples(
    score: Callable,
    model,
    dataset: Data,
    num_examples: int | None,
    batch_size: int,
    seed: int,
    verbose: bool,
) -> np.ndarray:
    """`score(examples, labels, first)` of each example, or of `num_examples` drawn ones, float64 `[N]`."""
    dataset = as_dataset(dataset)
    count = int(dataset.cardinality())
    bar = Progress(min(num_examples or count, count), "examples", verbose)
    scores = []
    first = 0
    for examples, labels in batches(model, dataset, batch_size, num_examples, seed):
        scores.append(np.asarray(score(examples, labels, first), np.float64))
        first += len(examples)
        bar.update(first)
    return np.concatenate(scores)


def numbered_seeds(seed: int, first: int, count: int) -> np.ndarray:
    """int32 `[count, 2]`, (seed, i) of the examples from number `first` on: `latentzoo.zoo.seeds`."""
    rows = np.arange(first, first + count)
    return np.stack([np.full_like(rows, seed), rows], axis=1).astype(np.int32)
