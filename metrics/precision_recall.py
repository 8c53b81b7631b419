"""Precision and recall of samples (Kynkäänniemi et al. 2019): how many are realistic, and what they miss.

The manifold of a set is the union of balls around its points, each with the distance to its third nearest
neighbor as radius.
"""

from typing import Any

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric
from .neighbors import squared_distances, squared_radii

K = 3


@metric(unit="of 1", better="higher", needs=("images", "samples", "features"))
def precision(sets: FeatureSets) -> dict[str, Any]:
    """The fraction of the samples that lie on the manifold of the real images."""
    return _entry(sets, on_manifold(sets.fake, sets.real))


@metric(unit="of 1", better="higher", needs=("images", "samples", "features"))
def recall(sets: FeatureSets) -> dict[str, Any]:
    """The fraction of the real images that lie on the manifold of the samples."""
    return _entry(sets, on_manifold(sets.real, sets.fake))


def on_manifold(points: np.ndarray, others: np.ndarray, k: int = K) -> np.ndarray:
    """Returns whether each point `[N, F]` is on the manifold of the others `[M, F]`, bool `[N]`.

    >>> import numpy as np
    >>> from latentzoo.metrics.precision_recall import on_manifold
    >>> line = np.array([[0.0], [1.0], [2.0]])
    >>> on_manifold(np.array([[2.9], [3.1]]), line, k=1).tolist()
    [True, False]
    """
    radii = squared_radii(others, k)
    return np.concatenate([(d <= radii).any(axis=1) for d in squared_distances(points, others)])


def _entry(sets, hits):
    value = hits.mean()
    error = np.sqrt(value * (1 - value) / len(hits))
    return sets.entry(value, error, f"k = {K}")
