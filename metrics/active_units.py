"""How many latent dimensions a VAE uses: the others carry nothing, a sign of posterior collapse."""

import numpy as np

from ..data.batches import Data, as_dataset, batches
from .per_example import with_part

# A unit is active if the variance of its posterior mean over examples is above this (Burda et al. 2015).
THRESHOLD = 0.01

# Below this part of active units `collapse` speaks.
ENOUGH = 0.1


def active_units(
    model,
    dataset: Data,
    *,
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """The number of latent dimensions d with Var_x(E_q[z_d | x]) > 0.01 (Burda et al. 2015).

    `seed` draws the part of `num`, and no progress is shown.

    Returns a dict with name, value, standard_error (None), unit, num_examples, protocol; and by dimension,
    `variances` and, where it is known in closed form, `kl_per_dimension` in nats, its mean over examples.
    """
    means, divergences = [], []
    for images, labels in batches(model, as_dataset(dataset), batch_size, num, seed):
        means.append(np.asarray(model.encode(images, labels=labels), np.float64))
        if model.has_exact_kl:
            divergences.append(np.asarray(model.kl_per_dimension(images, labels=labels), np.float64))
    means = np.concatenate(means)
    variances = means.var(axis=0)
    entry = {
        "name": "active_units",
        "unit": f"of {model.latent_dim} dimensions",
        "protocol": with_part(f"variance of the posterior mean above {THRESHOLD}", dataset, num, seed),
        "value": float((variances > THRESHOLD).sum()),
        "standard_error": None,
        "num_examples": len(means),
        "variances": variances.tolist(),
    }
    if divergences:
        entry["kl_per_dimension"] = np.concatenate(divergences).mean(axis=0).tolist()
    return entry


def collapse(entry: dict) -> str | None:
    """A warning of posterior collapse, or None: of an entry of `active_units` over 100 examples or more.

    >>> from latentzoo.metrics.active_units import collapse
    >>> collapse({"value": 1.0, "variances": [2.0] + 19 * [0.0]})
    'posterior collapse: 1 of 20 latent dimensions are active; try annealing_steps or free_bits.'
    """
    active, size = int(entry["value"]), len(entry["variances"])
    if active > 0 and active >= ENOUGH * size:
        return None
    return (
        f"posterior collapse: {active} of {size} latent dimensions are active; "
        "try annealing_steps or free_bits."
    )
