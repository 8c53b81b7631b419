"""The inception score of samples (Salimans et al. 2016): sure of each class, and of many classes."""

import numpy as np

from .feature_sets import FeatureSets
from .metric import metric

SPLITS = 10


@metric(unit="classes", better="higher", needs=("images", "samples", "features"))
def inception_score(sets: FeatureSets) -> dict:
    """exp E KL(p(y | x) || p(y)) over the network's classes y; 1 to K.

    No real image enters. The mean over 10 parts of the samples, with its standard error.
    """
    # Samples come in the order of the data's labels, which may be sorted: each part needs all classes.
    shuffled = np.random.default_rng(sets.seed).permutation(sets.probabilities)
    values = [score(part) for part in np.array_split(shuffled, min(SPLITS, len(sets.fake) // 2))]
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
    protocol = f"samples alone, in {len(values)} shuffled parts"
    return sets.entry(np.mean(values), error, protocol)


def score(probabilities: np.ndarray) -> float:
    """The score of class probabilities `[M, K]`.

    >>> import numpy as np
    >>> from latentzoo.metrics.inception_score import score
    >>> round(score(np.eye(4)), 9)
    4.0
    """
    p = np.asarray(probabilities, np.float64)
    # 0 log 0 is 0; the mean is 0 only where p is.
    logs = np.log(np.where(p > 0, p, 1.0)) - np.log(np.where(p > 0, p.mean(axis=0), 1.0))
    return float(np.exp((p * logs).sum(axis=1).mean()))
