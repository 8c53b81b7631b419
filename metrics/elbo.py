"""The evidence lower bound of VAEs and its two parts, from one sample of the posterior an example."""

from ..data.batches import Data
from .metric import metric
from .per_example import mean_over_examples, numbered_seeds


@metric(unit="nats", better="higher", needs=("scores",))
def elbo(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """Mean of `model.elbo` in nats, with its standard error over examples.

    The noise of example i is drawn from (seed, i): the value does not depend on the batch size.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """
    settings = (num_examples, batch_size, seed, verbose)
    return _mean_part(lambda parts: parts[0] - parts[1], model, dataset, *settings)


@metric(unit="nats", better="higher", needs=("scores",))
def reconstruction(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """The same of log p(x | z), the first part of the ELBO."""
    settings = (num_examples, batch_size, seed, verbose)
    return _mean_part(lambda parts: parts[0], model, dataset, *settings)


@metric(unit="nats", better=None, needs=("scores",))
def kl(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """The same of KL(q(z | x) || p(z)), the part that is taken off."""
    settings = (num_examples, batch_size, seed, verbose)
    return _mean_part(lambda parts: parts[1], model, dataset, *settings)


def _mean_part(part, model, dataset, num_examples, batch_size, seed, verbose):
    def score(images, labels, first):
        pairs = numbered_seeds(seed, first, len(images))
        return part(model.elbo_parts(images, seed=pairs, labels=labels))

    protocol = f"{model.protocol}; 1 sample, noise seed {seed}"
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
