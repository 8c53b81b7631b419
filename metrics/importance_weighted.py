"""The importance-weighted bound of log p, what the literature reports of VAEs (Burda et al. 2015)."""

from ..data.batches import Data
from .metric import metric
from .per_example import mean_over_examples, numbered_seeds

# The progress bar moves after so many examples; one takes a second or so.
_BATCH = 8


@metric(unit="nats", better="higher", needs=("scores",), options=("importance_samples",))
def importance_weighted(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = _BATCH,
    seed: int = 0,
    verbose: bool = True,
    importance_samples: int = 5000,
) -> dict:
    """Mean of `model.log_prob(images, importance_samples)` in nats: a lower bound.

    Memory does not grow with `importance_samples`, time does. The noise of example i is drawn from (seed, i).

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """

    def score(images, labels, first):
        pairs = numbered_seeds(seed, first, len(images))
        return model.log_prob(images, importance_samples, seed=pairs, labels=labels)

    protocol = f"{model.protocol}; bound of k = {importance_samples} samples, noise seed {seed}"
    batch_size = min(batch_size, _BATCH)
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
