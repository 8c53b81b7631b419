"""Metrics that are the mean of one score per example."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..data.draws import describe_draw
from ..zoo.model import ZooModel
from ..zoo.progress import Progress
from .standard_errors import standard_error


def mean_over_examples(
    score: Callable,
    model: ZooModel,
    dataset: Data,
    num_examples: int | None,
    batch_size: int,
    seed: int,
    verbose: bool,
    protocol: str,
) -> dict[str, Any]:
    """Returns the mean of `score` over a dataset, its standard error, the number of examples, the protocol.

    `score` is as in `scores_of_examples`. If only some examples are scored, the protocol says how they are
    drawn.
    """
    scores = scores_of_examples(score, model, dataset, num_examples, batch_size, seed, verbose)
    return {
        "protocol": with_part(protocol, dataset, num_examples, seed),
        "value": float(scores.mean()),
        "standard_error": standard_error(scores),
        "num_examples": len(scores),
    }


def with_part(protocol: str, dataset: Data, num_examples: int | None, seed: int) -> str:
    """Returns the protocol; if only some examples are scored, with how they are drawn."""
    count = int(as_dataset(dataset).cardinality())
    if num_examples is None or num_examples >= count:
        return protocol
    return f"{protocol}; {describe_draw(count, num_examples, seed)}"


def scores_of_examples(
    score: Callable,
    model: ZooModel,
    dataset: Data,
    num_examples: int | None,
    batch_size: int,
    seed: int,
    verbose: bool,
) -> np.ndarray:
    """Returns the score of each example, or of `num_examples` drawn ones, float64 `[N]`.

    Args:
      score: `score(examples, first, **condition) -> [n]`, called with each batch, the index of its first
        example, and the keyword arguments of the model's condition, if it has one.
    """
    source = as_dataset(dataset)
    count = int(source.cardinality())
    bar = Progress(min(num_examples or count, count), "examples", verbose)
    scores = []
    first = 0
    for examples, labels in batches(model, source, batch_size, num_examples, seed):
        scores.append(np.asarray(score(examples, first, **model.condition.keywords(labels)), np.float64))
        first += len(examples)
        bar.update(first)
    return np.concatenate(scores)


def numbered_seeds(seed: int, first: int, count: int) -> np.ndarray:
    """Returns the seeds (seed, i) of `count` examples from index `first`, int32 `[count, 2]`."""
    rows = np.arange(first, first + count)
    return np.stack([np.full_like(rows, seed), rows], axis=1).astype(np.int32)
