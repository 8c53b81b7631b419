"""The kernel distance of two sets of features (Binkowski et al. 2018, "KID")."""

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric

SUBSETS, SUBSET_SIZE = 100, 1000


@metric(unit="squared discrepancy", better="lower", needs=("images", "samples", "features"))
def kernel_distance(sets: FeatureSets) -> dict:
    """The squared maximum mean discrepancy, unbiased, with the kernel (x.y / F + 1)^3.

    The mean over 100 random subsets of 1000 images and 1000 samples, or of as many as there are, with the
    standard error of that mean, though subsets overlap. Where there is but one subset, it has none.
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
    error = np.std(values, ddof=1) / np.sqrt(subsets) if subsets > 1 else None
    protocol = f"{subsets} subset{'s' if subsets > 1 else ''} of {size}"
    return sets.entry(np.mean(values), error, protocol)


def squared_discrepancy(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased estimate of MMD^2 between `[N, F]` and `[M, F]`, which may be below 0."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    within = [_kernel(x, x) for x in (a, b)]
    # The diagonal, each image with itself, is what biases.
    means = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return float(sum(means) - 2 * _kernel(a, b).mean())


def _kernel(a, b):
    k = a @ b.T / a.shape[1] + 1.0
    return k * k * k  # a power takes ten times as long
