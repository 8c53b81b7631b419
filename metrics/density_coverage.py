"""Density and coverage of samples (Naeem et al. 2020): precision and recall that outliers do not sway.

Balls lie around the real images alone, each as far as its fifth nearest neighbour among them.
"""

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric
from .neighbours import squared_distances, squared_radii

K = 5


@metric(unit="of 1 for the data", better="higher", needs=("images", "samples", "features"))
def density(sets: FeatureSets) -> dict:
    """In how many balls a sample lies, over k: 1 for the data itself, above it where samples crowd."""
    return _entry(sets, balls_around(sets.real, sets.fake)[0])


@metric(unit="of 1", better="higher", needs=("images", "samples", "features"))
def coverage(sets: FeatureSets) -> dict:
    """The part of the balls that hold a sample."""
    return _entry(sets, balls_around(sets.real, sets.fake)[1])


def balls_around(real: np.ndarray, fake: np.ndarray, k: int = K) -> tuple[np.ndarray, np.ndarray]:
    """For each sample, how many balls it lies in over k, `[M]`; for each ball, whether it holds one, `[N]`.

    >>> import numpy as np
    >>> from latentzoo.metrics.density_coverage import balls_around
    >>> line = np.array([[0.0], [1.0], [2.0]])
    >>> density, coverage = balls_around(line, np.array([[0.5], [9.0]]), k=1)
    >>> density.tolist(), coverage.tolist()
    ([2.0, 0.0], [True, True, False])
    """
    radii = squared_radii(real, k)
    counts, is_covered = [], np.zeros(len(real), bool)
    for distances in squared_distances(fake, real):
        inside = distances <= radii
        counts.append(inside.sum(axis=1))
        is_covered |= inside.any(axis=0)
    return np.concatenate(counts) / k, is_covered


def _entry(sets, values):
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return sets.entry(np.mean(values), error, f"k = {K}")
