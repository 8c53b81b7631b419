"""The Fréchet distance between normal distributions fitted to two sets of features (Heusel et al. 2017)."""

import warnings
from typing import Any

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric


@metric(unit="squared distance", better="lower", needs=("images", "samples", "features"), usual=True)
def frechet_distance(sets: FeatureSets) -> dict[str, Any]:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^1/2) of the features' means and covariances.

    "FID" is this distance with its authors' Inception network and resize, which are not used here. The bias
    decreases with the number of images: only compare values for equal numbers. The standard error is over
    images, by the delta method, and does not include the bias.

    Warns if a set has no more images than features: its covariance is then degenerate.
    """
    size = sets.real.shape[1]
    for name, features in (("real images", sets.real), ("samples", sets.fake)):
        if len(features) <= size:
            warnings.warn(
                f"frechet_distance of {len(features)} {name} with {size} features: the covariance is "
                "degenerate and the value far too high; use more images than features.",
                stacklevel=5,
            )
    real, fake = (np.asarray(features, np.float64) for features in (sets.real, sets.fake))
    value = gaussian_distance(*moments(real), *moments(fake))
    return sets.entry(value, _standard_error(real, fake))


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean `[F]` and unbiased covariance `[F, F]` of features `[N, F]`, N at least 2."""
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def gaussian_distance(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> float:
    """Returns the squared 2-Wasserstein distance between two normal distributions, possibly degenerate.

    The trace of (C C')^1/2 is the sum of the square roots of the eigenvalues of C^1/2 C' C^1/2, which is
    symmetric (Dowson & Landau 1982).

    >>> import numpy as np
    >>> from latentzoo.metrics.frechet_distance import gaussian_distance
    >>> round(gaussian_distance(np.zeros(1), np.eye(1), np.ones(1), 4 * np.eye(1)), 12)
    2.0
    """
    root = _power(covariance_a, 0.5)
    eigenvalues = np.linalg.eigvalsh(root @ covariance_b @ root)
    overlap = np.sqrt(eigenvalues.clip(0)).sum()
    trace = np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap
    return float(np.sum((mean_a - mean_b) ** 2) + trace)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """A power of a positive semidefinite matrix; zero eigenvalues stay zero."""
    values, vectors = np.linalg.eigh(matrix)
    is_zero = values <= values[-1] * len(values) * np.finfo(np.float64).eps
    powers = np.where(is_zero, 0.0, np.where(is_zero, 1.0, values) ** exponent)
    return (vectors * powers) @ vectors.T


def _standard_error(real: np.ndarray, fake: np.ndarray) -> float:
    """From the derivative of the distance with respect to the weight of each image, in both sets."""
    moments_of = moments(real), moments(fake)
    variance = 0.0
    for features, (mean, covariance), (other_mean, other_covariance) in (
        (real, *moments_of),
        (fake, *reversed(moments_of)),
    ):
        # The gradient with respect to the covariance is I - T; T maps this normal distribution to the other.
        root = _power(other_covariance, 0.5)
        gradient = np.eye(len(mean)) - root @ _power(root @ covariance @ root, -0.5) @ root
        centered = features - mean
        influence = 2 * centered @ (mean - other_mean) + np.einsum("nf,nf->n", centered @ gradient, centered)
        variance += influence.var(ddof=1) / len(features)
    return float(np.sqrt(variance))
