"""Density and coverage of samples (Naeem et al. 2020): precision and recall that are robust to outliers.

Both use balls around the real images only, each with the distance to its fifth nearest neighbor as radius.
"""

from typing import Any

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric
from .neighbors import squared_distances, squared_radii
from .standard_errors import standard_error

K = 5


@metric(unit="of 1 for the data", better="higher", needs=("images", "samples", "features"))
def density(sets: FeatureSets) -> dict[str, Any]:
    """The mean number of balls that contain a sample, over k: 1 for the data, more where samples crowd."""
    return _entry(sets, balls_around(sets.real, sets.fake)[0])


@metric(unit="of 1", better="higher", needs=("images", "samples", "features"))
def coverage(sets: FeatureSets) -> dict[str, Any]:
    """The fraction of balls that contain a sample."""
    return _entry(sets, balls_around(sets.real, sets.fake)[1])


def balls_around(real: np.ndarray, fake: np.ndarray, k: int = K) -> tuple[np.ndarray, np.ndarray]:
    """Returns how many balls contain each sample, over k, `[M]`, and which balls contain any, `[N]`.

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
    return sets.entry(np.mean(values), standard_error(values), f"k = {K}")
