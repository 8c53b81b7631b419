"""The evidence lower bound of VAEs and its two parts, from one sample of the posterior an example."""

from ..data.batches import Data
from .per_example import mean_over_examples, numbered_seeds


def elbo(
    model,
    dataset: Data,
    *,
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """Mean of `model.elbo` in nats, with its standard error over examples; the highest is best.

    The noise of example i is drawn from (seed, i): the value does not depend on the batch size.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """
    settings = (num, batch_size, seed, verbose)
    return _mean_part("elbo", lambda parts: parts[0] - parts[1], model, dataset, *settings)


def reconstruction(
    model,
    dataset: Data,
    *,
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """The same of log p(x | z), the first part of the ELBO."""
    settings = (num, batch_size, seed, verbose)
    return _mean_part("reconstruction", lambda parts: parts[0], model, dataset, *settings)


def kl(
    model,
    dataset: Data,
    *,
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """The same of KL(q(z | x) || p(z)), the part that is taken off."""
    settings = (num, batch_size, seed, verbose)
    return _mean_part("kl", lambda parts: parts[1], model, dataset, *settings)


def _mean_part(name, part, model, dataset, num, batch_size, seed, verbose):
    def score(images, labels, first):
        pairs = numbered_seeds(seed, first, len(images))
        return part(model.elbo_parts(images, seed=pairs, labels=labels))

    protocol = f"{model.protocol}; 1 sample, noise seed {seed}"
    return {
        "name": name,
        "unit": "nats",
        **mean_over_examples(score, model, dataset, num, batch_size, seed, verbose, protocol),
    }
