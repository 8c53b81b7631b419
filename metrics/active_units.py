"""The number of active latent dimensions of a VAE: inactive ones are a sign of posterior collapse."""

from typing import Any

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..zoo.model import ZooModel
from ..zoo.vaes.posterior_collapse import THRESHOLD
from .metric import metric
from .per_example import with_part


@metric(unit="dimensions", better=None, needs=("scores",))
def active_units(
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict[str, Any]:
    """The number of latent dimensions d with Var_x(E_q[z_d | x]) > 0.01 (Burda et al. 2015).

    `seed` draws the `num_examples` examples; `verbose` is ignored.

    Returns a dict with name, value, standard_error (None), unit, num_examples, protocol; and for each
    dimension, `variances` and, if there is a closed form, `kl_per_dimension` (mean over examples, in nats).
    """
    means, divergences = [], []
    for images, labels in batches(model, as_dataset(dataset), batch_size, num_examples, seed):
        given = model.condition.keywords(labels)
        means.append(np.asarray(model.encode(images, **given), np.float64))
        if model.has_exact_kl:
            divergences.append(np.asarray(model.kl_per_dimension(images, **given), np.float64))
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
