"""The squared error of a model's reconstructions."""

from typing import Any

import numpy as np
import tensorflow as tf

from ..data.batches import Data
from ..zoo.images import bin_centers
from ..zoo.model import ZooModel
from .metric import metric
from .per_example import mean_over_examples


@metric(unit="squared error of a pixel", better="lower", needs=("scores", "images"))
def reconstruction_error(
    model: ZooModel,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict[str, Any]:
    """The mean squared error of `model.reconstruct`, for pixels in [0, 1].

    A uint8 pixel is at the center of its bin. `seed` draws the `num_examples` images.

    Returns a dict with name, value, standard_error (over images), unit, num_examples, protocol.
    """

    def score(images, first, **given):
        differences = model.reconstruct(images, **given) - bin_centers(tf.convert_to_tensor(images))
        return np.mean(np.square(differences), axis=(1, 2, 3))

    protocol = "pixels in [0, 1]"
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
