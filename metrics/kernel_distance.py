"""The kernel distance between two sets of features ("KID", Binkowski et al. 2018)."""

from typing import Any

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric
from .standard_errors import standard_error

SUBSETS, SUBSET_SIZE = 100, 1000


@metric(unit="squared discrepancy", better="lower", needs=("images", "samples", "features"))
def kernel_distance(sets: FeatureSets) -> dict[str, Any]:
    """The unbiased estimate of the squared maximum mean discrepancy, with the kernel (x.y / F + 1)^3.

    The value is the mean over 100 random subsets of up to 1000 images and 1000 samples. Its standard error
    treats the subsets as independent, though they overlap; it is None for a single subset.
    """
    rng = np.random.default_rng(sets.seed)
    subsets = SUBSETS
    size = min(SUBSET_SIZE, len(sets.real), len(sets.fake))
    if size == len(sets.real) == len(sets.fake):
        subsets = 1
    values = []
    for _ in range(subsets):
        real, fake = (features[rng.permutation(len(features))[:size]] for features in (sets.real, sets.fake))
        values.append(squared_discrepancy(real, fake))
    protocol = f"{subsets} subset{'s' if subsets > 1 else ''} of {size}"
    return sets.entry(np.mean(values), standard_error(values), protocol)


def squared_discrepancy(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the unbiased estimate of MMD^2 between `[N, F]` and `[M, F]`; it may be negative."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    within = [_kernel(x, x) for x in (a, b)]
    # Without the diagonal, which compares each image to itself, the estimate is unbiased.
    means = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return float(sum(means) - 2 * _kernel(a, b).mean())


def _kernel(a, b):
    k = a @ b.T / a.shape[1] + 1.0
    return k * k * k  # ten times as fast as a power
