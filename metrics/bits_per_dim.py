"""Bits per dimension: the negative log2-likelihood of a discrete image over its H*W*C numbers."""

import numpy as np

from .batches import Data
from .per_example import mean_over_examples


def bits_per_dim(
    model,
    dataset: Data,
    *,
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """Mean of `model.bits_per_dim` over uint8 images, with its standard error over images.

    The noise of image i is drawn from (seed, i): the value does not depend on the batch size.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """

    def score(images, labels, first):
        rows = np.arange(first, first + len(images))
        pairs = np.stack([np.full_like(rows, seed), rows], axis=1).astype(np.int32)
        return model.bits_per_dim(images, seed=pairs, labels=labels)

    return {
        "name": "bits_per_dim",
        "unit": "bits/dim",
        "protocol": f"uniform dequantisation, 1 sample, noise seed {seed}",
        **mean_over_examples(score, model, dataset, num, batch_size, verbose),
    }
