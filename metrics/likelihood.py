"""What likelihoods say about a dataset, and what they do not (Nalisnick et al. 2019a, 2019b)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.batches import Data
from ..data.batches import examples as checked
from ..data.draws import pick
from ..zoo.deprecation import old_arguments
from ..zoo.model import ZooModel
from .per_example import numbered_seeds, scores_of_examples

# The typicality test draws so many batches, and calls this fraction of them typical.
_DRAWS, _LEVEL = 2000, 0.99


@old_arguments(num="num_examples")
def log_likelihoods(
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> np.ndarray:
    """Returns log p in nats of all examples, or of `num_examples` drawn ones, float64 `[N]`.

    For a VAE it is the ELBO. For a flow on vectors it is the density; for a flow on images, the bound of
    `bits_per_dim`, because the density at the center of a pixel's bin may differ much from its mean over the
    bin. `seed` determines the noise and the draw.

    Raises:
      ValueError: the model has no likelihoods.
    """
    if model.likelihood_kind is None:
        raise ValueError(f"model: got a {type(model).__name__}, expected one with likelihoods.")
    score = _log_likelihood(model, seed)
    return scores_of_examples(score, model, dataset, num_examples, batch_size, seed, verbose)


def _log_likelihood(model: ZooModel, seed: int) -> Callable:
    """The score of `log_likelihoods`, as `scores_of_examples` takes it."""

    def elbo(examples, first, **given):
        seeds = numbered_seeds(seed, first, len(examples))
        reconstruction, kl = model.elbo_parts(examples, seed=seeds, **given)
        return reconstruction - kl

    def dequantized(examples, first, **given):
        nats = -math.log(2) * math.prod(model.event_shape)
        return nats * model.bits_per_dim(examples, seed=numbered_seeds(seed, first, len(examples)), **given)

    def density(examples, first, **given):
        return model.log_prob(examples, **given)

    if model.likelihood_kind == "bound":
        return elbo
    return dequantized if model.has_images else density


def atypical_batches(
    reference: np.ndarray, log_likelihoods: np.ndarray, batch_size: int = 10, seed: int = 0
) -> dict[str, Any]:
    """Tests whether batches are typical: whether their mean log p is as close to the usual one as expected.

    Data from another distribution may be more likely than a model's own data, but they are not typical. A
    batch is atypical if the mean of its log p differs from that of the reference by more than in 99% of the
    batches drawn from the reference (Nalisnick et al. 2019b, algorithm 1).

    Args:
      reference: log p of data from the model's distribution, such as part of the test split.
      log_likelihoods: log p of the data to test, at least `batch_size` values.
      batch_size: number of examples per batch.
      seed: seed of the batches.

    Returns:
      A dict with `rejected`, the fraction of batches that are atypical (about 0.01 for the reference's own
      distribution); `threshold` in nats; and `batches`, their number.

    Raises:
      ValueError: there are fewer examples than in a batch.

    >>> import numpy as np
    >>> from latentzoo.metrics.likelihood import atypical_batches
    >>> own, other = np.random.default_rng(0).normal(size=[2, 1000])
    >>> atypical_batches(own, other + 3)["rejected"]
    1.0
    """
    for name, values in (("reference", reference), ("log_likelihoods", log_likelihoods)):
        if len(values) < batch_size:
            raise ValueError(f"{name}: got {len(values)} numbers, expected at least a batch of {batch_size}.")
    rng = np.random.default_rng(seed)
    usual = np.mean(reference)
    draws = rng.choice(reference, [_DRAWS, batch_size]).mean(axis=1)
    threshold = np.quantile(np.abs(draws - usual), _LEVEL)
    count = len(log_likelihoods) // batch_size
    order = rng.permutation(len(log_likelihoods))[: count * batch_size]
    means = np.asarray(log_likelihoods)[order].reshape(count, batch_size).mean(axis=1)
    return {
        "rejected": float(np.mean(np.abs(means - usual) > threshold)),
        "threshold": float(threshold),
        "batches": count,
    }


def images_of(dataset: Data, numbers: np.ndarray, model: ZooModel) -> np.ndarray:
    """Returns the images of a dataset at these indices, in the order of `numbers`."""
    images = pick(checked(dataset, model), numbers)
    return np.stack([image[0] if isinstance(image, tuple) else image for image in images.as_numpy_iterator()])
