"""Posterior collapse: latent dimensions of a VAE that carry nothing, which its loss does not show."""

import numpy as np

# A unit is active if the variance of its posterior mean over examples is above this (Burda et al. 2015).
THRESHOLD = 0.01

# Below this part of active units the posterior has collapsed.
ENOUGH = 0.1

# Examples over which a training takes the variance, and how many are encoded at a time.
NUM_EXAMPLES, _BATCH = 256, 64


def find_posterior_collapse(model, images: np.ndarray, labels: np.ndarray | None = None) -> str | None:
    """A warning if hardly a latent dimension is used, or None.

    Args:
      images: a hundred of the data or more.
      labels: theirs, if the model has classes.
    """
    cuts = [slice(start, start + _BATCH) for start in range(0, len(images), _BATCH)]
    means = [model.encode(images[cut], labels=None if labels is None else labels[cut]) for cut in cuts]
    return describe_collapse(np.concatenate(means).astype(np.float64).var(axis=0))


def describe_collapse(variances: np.ndarray) -> str | None:
    """A warning if hardly one of the `variances` of the posterior's means is above the threshold, or None.

    >>> from latentzoo.zoo.vaes.posterior_collapse import describe_collapse
    >>> describe_collapse([2.0] + 19 * [0.0])
    'posterior collapse: 1 of 20 latent dimensions are active; try annealing_steps or free_bits.'
    """
    active, size = int((np.asarray(variances) > THRESHOLD).sum()), len(variances)
    if active > 0 and active >= ENOUGH * size:
        return None
    return (
        f"posterior collapse: {active} of {size} latent dimensions are active; "
        "try annealing_steps or free_bits."
    )
