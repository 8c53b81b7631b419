"""The importance-weighted bound on log p, which papers report for VAEs (Burda et al. 2015)."""

from typing import Any

from ..data.batches import Data
from ..zoo.model import ZooModel
from .metric import metric
from .per_example import mean_over_examples, numbered_seeds

# An example takes about a second: small batches keep the progress bar moving.
_BATCH = 8


@metric(unit="nats", better="higher", needs=("scores",), options=("importance_samples",))
def importance_weighted(
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = _BATCH,
    seed: int = 0,
    verbose: bool = True,
    importance_samples: int = 5000,
) -> dict[str, Any]:
    """The mean of `model.log_prob(images, importance_samples)` in nats: a lower bound.

    Time grows with `importance_samples`, memory does not. The noise of example i is drawn from (seed, i).

    Returns a dict with name, value, standard_error (over examples), unit, num_examples, protocol.
    """

    def score(images, first, **given):
        seeds = numbered_seeds(seed, first, len(images))
        return model.log_prob(images, importance_samples, seed=seeds, **given)

    protocol = f"{model.protocol}; bound of k = {importance_samples} samples, noise seed {seed}"
    batch_size = min(batch_size, _BATCH)
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
