"""The inception score (Salimans et al. 2016): high for samples of clear classes, and of many of them."""

from typing import Any

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric
from .standard_errors import standard_error

SPLITS = 10


@metric(unit="classes", better="higher", needs=("images", "samples", "features"))
def inception_score(sets: FeatureSets) -> dict[str, Any]:
    """exp E KL(p(y | x) || p(y)) over the network's K classes y; from 1 to K.

    It does not depend on the real images. The value is the mean over 10 subsets of the samples.
    """
    # Samples are in the order of the data's labels, which may be sorted: each subset needs all classes.
    shuffled = np.random.default_rng(sets.seed).permutation(sets.probabilities)
    values = [score(part) for part in np.array_split(shuffled, min(SPLITS, len(sets.fake) // 2))]
    protocol = f"samples alone, in {len(values)} shuffled parts"
    return sets.entry(np.mean(values), standard_error(values), protocol)


def score(probabilities: np.ndarray) -> float:
    """Returns the score of class probabilities `[M, K]`.

    >>> import numpy as np
    >>> from latentzoo.metrics.inception_score import score
    >>> round(score(np.eye(4)), 9)
    4.0
    """
    p = np.asarray(probabilities, np.float64)
    # 0 log 0 is 0; where the mean is 0, so is p.
    logs = np.log(np.where(p > 0, p, 1.0)) - np.log(np.where(p > 0, p.mean(axis=0), 1.0))
    return float(np.exp((p * logs).sum(axis=1).mean()))
