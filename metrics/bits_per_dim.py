"""Bits per dimension: the negative log2-likelihood of a discrete image over its H*W*C numbers."""

from ..data.batches import Data
from .metric import metric
from .per_example import mean_over_examples, numbered_seeds


@metric(unit="bits/dim", better="lower", needs=("scores", "images"), options=("importance_samples",))
def bits_per_dim(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    importance_samples: int = 1,
) -> dict:
    """Mean of `model.bits_per_dim` over uint8 images, with its standard error over images.

    The noise of image i is drawn from (seed, i): the value does not depend on the batch size.

    Args:
      importance_samples: k of a VAE's importance-weighted bound; 1: the ELBO. A flow's is exact.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """
    is_bound = model.likelihood_kind == "bound"
    protocol = f"uniform dequantisation, 1 sample, noise seed {seed}"
    if is_bound:
        bound = f"bound of k = {importance_samples} samples" if importance_samples > 1 else "ELBO, 1 sample"
        protocol = f"{model.protocol}; {bound}, noise seed {seed}"

    def score(images, labels, first):
        pairs = numbered_seeds(seed, first, len(images))
        if is_bound:
            return model.bits_per_dim(
                images, seed=pairs, importance_samples=importance_samples, labels=labels
            )
        return model.bits_per_dim(images, seed=pairs, **model.condition.keywords(labels))

    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
