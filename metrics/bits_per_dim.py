"""Bits per dimension: the negative log2-likelihood of a discrete image over its H*W*C numbers."""

from ..data.batches import Data
from .per_example import mean_over_examples, numbered_seeds


def bits_per_dim(
    model,
    dataset: Data,
    *,
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    num_samples: int = 1,
) -> dict:
    """Mean of `model.bits_per_dim` over uint8 images, with its standard error over images.

    The noise of image i is drawn from (seed, i): the value does not depend on the batch size.

    Args:
      num_samples: of a VAE's importance-weighted bound; 1: the ELBO. A flow knows one alone.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """
    of_bound = hasattr(model, "elbo")
    options = {"importance_samples": num_samples} if of_bound else {}
    protocol = f"uniform dequantisation, 1 sample, noise seed {seed}"
    if of_bound:
        bound = "ELBO, 1 sample" if num_samples == 1 else f"bound of k = {num_samples} samples"
        protocol = f"{model.protocol}; {bound}, noise seed {seed}"

    def score(images, labels, first):
        pairs = numbered_seeds(seed, first, len(images))
        return model.bits_per_dim(images, seed=pairs, labels=labels, **options)

    return {
        "name": "bits_per_dim",
        "unit": "bits/dim",
        **mean_over_examples(score, model, dataset, num, batch_size, seed, verbose, protocol),
    }
