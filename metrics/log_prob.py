"""Log-likelihood in nats, the usual score of a flow on vectors."""

from ..data.batches import Data
from .metric import metric
from .per_example import mean_over_examples


@metric(unit="nats", better="higher", needs=("scores",))
def log_prob(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """Mean of `model.log_prob` with its standard error over examples; `seed` draws the part of
    `num_examples`.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """

    def score(examples, labels, first):
        return model.log_prob(examples, **model.condition.keywords(labels))

    protocol = "exact density, no noise"
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
