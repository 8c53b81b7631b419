"""How many latent dimensions a VAE uses: the others carry nothing, a sign of posterior collapse."""

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..zoo.vaes.posterior_collapse import THRESHOLD
from .metric import metric
from .per_example import with_part


@metric(unit="dimensions", better=None, needs=("scores",))
def active_units(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """The number of latent dimensions d with Var_x(E_q[z_d | x]) > 0.01 (Burda et al. 2015).

    `seed` draws the part of `num_examples`, and no progress is shown.

    Returns a dict with name, value, standard_error (None), unit, num_examples, protocol; and by dimension,
    `variances` and, where it is known in closed form, `kl_per_dimension` in nats, its mean over examples.
    """
    means, divergences = [], []
    for images, labels in batches(model, as_dataset(dataset), batch_size, num_examples, seed):
        means.append(np.asarray(model.encode(images, labels=labels), np.float64))
        if model.has_exact_kl:
            divergences.append(np.asarray(model.kl_per_dimension(images, labels=labels), np.float64))
    means = np.concatenate(means)
    variances = means.var(axis=0)
    entry = {
        "unit": f"of {model.latent_dim} dimensions",
        "protocol": with_part(
            f"variance of the posterior mean above {THRESHOLD}", dataset, num_examples, seed
        ),
        "value": float((variances > THRESHOLD).sum()),
        "standard_error": None,
        "num_examples": len(means),
        "variances": variances.tolist(),
    }
    if divergences:
        entry["kl_per_dimension"] = np.concatenate(divergences).mean(axis=0).tolist()
    return entry
