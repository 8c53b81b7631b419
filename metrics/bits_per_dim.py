"""Bits per dimension: the negative log2-likelihood of a discrete image, divided by H*W*C."""

from typing import Any

from ..data.batches import Data
from ..zoo.model import ZooModel
from .metric import metric
from .per_example import mean_over_examples, numbered_seeds


@metric(unit="bits/dim", better="lower", needs=("scores", "images"), options=("importance_samples",))
def bits_per_dim(
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    importance_samples: int = 1,
) -> dict[str, Any]:
    """The mean of `model.bits_per_dim` over uint8 images.

    The noise of image i is drawn from (seed, i): the value does not depend on the batch size.

    Args:
      importance_samples: k of a VAE's importance-weighted bound; 1 is the ELBO. Ignored for flows, whose
        density is exact.

    Returns a dict with name, value, standard_error (over images), unit, num_examples, protocol.
    """
    options = {}
    protocol = f"uniform dequantisation, 1 sample, noise seed {seed}"
    if model.likelihood_kind == "bound":
        options = {"importance_samples": importance_samples}
        bound = f"bound of k = {importance_samples} samples" if importance_samples > 1 else "ELBO, 1 sample"
        protocol = f"{model.protocol}; {bound}, noise seed {seed}"

    def score(images, first, **given):
        return model.bits_per_dim(images, seed=numbered_seeds(seed, first, len(images)), **options, **given)

    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
