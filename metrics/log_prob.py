"""Log-likelihood in nats, the usual score of a flow on vectors."""

from typing import Any

from ..data.batches import Data
from ..zoo.model import ZooModel
from .metric import metric
from .per_example import mean_over_examples


@metric(unit="nats", better="higher", needs=("scores",))
def log_prob(
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict[str, Any]:
    """The mean of `model.log_prob`; `seed` draws the `num_examples` examples.

    Returns a dict with name, value, standard_error (over examples), unit, num_examples, protocol.
    """

    def score(examples, first, **given):
        return model.log_prob(examples, **given)

    protocol = "exact density, no noise"
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
