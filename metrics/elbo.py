"""The evidence lower bound of VAEs and its two terms, from one posterior sample per example."""

from collections.abc import Callable
from typing import Any

from ..data.batches import Data
from ..zoo.model import ZooModel
from .metric import metric
from .per_example import mean_over_examples, numbered_seeds


@metric(unit="nats", better="higher", needs=("scores",))
def elbo(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """The mean of `model.elbo` in nats; settings as in `mean_elbo_term`."""
    return mean_elbo_term(lambda reconstruction, kl: reconstruction - kl, model, dataset, **settings)


@metric(unit="nats", better="higher", needs=("scores",))
def reconstruction(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """The mean of log p(x | z), the first term of the ELBO; settings as in `mean_elbo_term`."""
    return mean_elbo_term(lambda reconstruction, kl: reconstruction, model, dataset, **settings)


@metric(unit="nats", better=None, needs=("scores",))
def kl(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """The mean of KL(q(z | x) || p(z)), which the ELBO subtracts; settings as in `mean_elbo_term`."""
    return mean_elbo_term(lambda reconstruction, kl: kl, model, dataset, **settings)


def mean_elbo_term(
    term: Callable,
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict[str, Any]:
    """The mean of `term(reconstruction, kl)` of `model.elbo_parts`.

    The noise of example i is drawn from (seed, i): the value does not depend on the batch size.

    Returns a dict with value, standard_error (over examples), num_examples, protocol.
    """

    def score(images, first, **given):
        return term(*model.elbo_parts(images, seed=numbered_seeds(seed, first, len(images)), **given))

    protocol = f"{model.protocol}; 1 sample, noise seed {seed}"
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
