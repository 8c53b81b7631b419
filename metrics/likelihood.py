"""What likelihoods say of a data set, and what they do not (Nalisnick et al. 2019a, 2019b)."""

import math

import numpy as np

from ..data.batches import Data
from ..data.batches import examples as checked
from ..data.draws import pick
from ..zoo.deprecation import old_arguments
from .per_example import numbered_seeds, scores_of_examples

# Of the typicality test: batches drawn to know what is usual, and the part of them called usual.
_DRAWS, _LEVEL = 2000, 0.99


@old_arguments(num="num_examples")
def log_likelihoods(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> np.ndarray:
    """log p in nats of all examples, or of `num_examples` drawn ones, float64 `[N]`.

    Of a VAE it is the ELBO. Of a flow it is the density of points; of images the bound of `bits_per_dim`,
    since the density at the centre of a pixel's bin may be far from its mean over the bin. Noise and draw
    are of `seed`.

    Raises:
      ValueError: a model without likelihoods.
    """
    if model.likelihood_kind is None:
        raise ValueError(f"model: got a {type(model).__name__}, expected one with likelihoods.")
    if model.likelihood_kind == "bound":

        def score(examples, labels, first):
            rows = numbered_seeds(seed, first, len(examples))
            reconstruction, kl = model.elbo_parts(examples, seed=rows, labels=labels)
            return reconstruction - kl

    elif model.has_images:
        nats = -math.log(2) * math.prod(model.event_shape)

        def score(examples, labels, first):
            rows = numbered_seeds(seed, first, len(examples))
            return nats * model.bits_per_dim(examples, seed=rows, **model.condition.keywords(labels))

    else:

        def score(examples, labels, first):
            return model.log_prob(examples, **model.condition.keywords(labels))

    return scores_of_examples(score, model, dataset, num_examples, batch_size, seed, verbose)


def atypical_batches(
    reference: np.ndarray, log_likelihoods: np.ndarray, batch_size: int = 10, seed: int = 0
) -> dict:
    """The typicality test of batches: is their mean log p as far off the usual one as chance allows?

    Data of another kind may be likelier than a model's own; typical they are not. A batch is atypical if
    the mean of its log p differs from that of the reference by more than 99% of the batches drawn from the
    reference do (Nalisnick et al. 2019b, algorithm 1).

    Args:
      reference: log p of data known to be the model's, such as a part of the test split.
      log_likelihoods: log p of the data in question, at least `batch_size` of them.

    Returns:
      A dict with `rejected`, the part of the batches that are atypical; `threshold` in nats; `batches`, how
      many there were. Of the reference's own kind of data, 0.01 is to be expected.

    Raises:
      ValueError: fewer examples than a batch has.

    >>> import numpy as np
    >>> from latentzoo.metrics.likelihood import atypical_batches
    >>> own, other = np.random.default_rng(0).normal(size=[2, 1000])
    >>> atypical_batches(own, other + 3)["rejected"]
    1.0
    """
    for name, values in (("reference", reference), ("log_likelihoods", log_likelihoods)):
        if len(values) < batch_size:
            raise ValueError(f"{name}: got {len(values)} numbers, expected a batch of {batch_size} at least.")
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


def images_of(dataset: Data, numbers: np.ndarray, model) -> np.ndarray:
    """The images of a data set with these numbers, counted from 0, in the order of `numbers`."""
    images = pick(checked(dataset, model), numbers)
    return np.stack([image[0] if isinstance(image, tuple) else image for image in images.as_numpy_iterator()])
