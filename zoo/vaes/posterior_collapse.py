"""Posterior collapse: unused latent dimensions of a VAE, which its loss does not show."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from ..latent_model import LatentModel

# A unit is active if the variance of its posterior mean over examples is above this (Burda et al. 2015).
THRESHOLD = 0.01

# The posterior has collapsed if the fraction of active units is below this.
MIN_ACTIVE = 0.1

# The number of examples over which training takes the variance, and how many are encoded at a time.
NUM_EXAMPLES, _BATCH = 256, 64


def find_posterior_collapse(
    model: "LatentModel", images: np.ndarray, labels: np.ndarray | None = None
) -> str | None:
    """Returns a warning if almost no latent dimension is active, or None.

    Args:
      model: the VAE.
      images: at least a hundred examples.
      labels: their labels, for a conditional model.
    """
    batches = [slice(start, start + _BATCH) for start in range(0, len(images), _BATCH)]
    means = [model.encode(images[rows], labels=None if labels is None else labels[rows]) for rows in batches]
    return describe_collapse(np.concatenate(means).astype(np.float64).var(axis=0))


def describe_collapse(variances: ArrayLike) -> str | None:
    """Returns a warning if almost no variance of the posterior means is above the threshold, or None.

    >>> from latentzoo.zoo.vaes.posterior_collapse import describe_collapse
    >>> describe_collapse([2.0] + 19 * [0.0])
    'posterior collapse: 1 of 20 latent dimensions are active; try annealing_steps or free_bits.'
    """
    is_active = np.asarray(variances) > THRESHOLD
    active, size = int(is_active.sum()), len(is_active)
    if active > 0 and active >= MIN_ACTIVE * size:
        return None
    return (
        f"posterior collapse: {active} of {size} latent dimensions are active; "
        "try annealing_steps or free_bits."
    )
