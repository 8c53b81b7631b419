"""How far images are from what a model makes of them again."""

import numpy as np
import tensorflow as tf

from ..data.batches import Data
from ..zoo.images import bin_centers
from .metric import metric
from .per_example import mean_over_examples


@metric(unit="squared error of a pixel", better="lower", needs=("scores", "images"))
def reconstruction_error(
    model,
    dataset: Data,
    *,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> dict:
    """Mean squared error of `model.reconstruct`, of pixels in [0, 1]; `seed` draws the part
    of `num_examples`.

    A uint8 pixel stands at its bin's centre.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """

    def score(images, labels, first):
        restored = model.reconstruct(images, **model.condition.keywords(labels))
        differences = restored - bin_centers(tf.convert_to_tensor(images))
        return np.mean(np.square(differences), axis=(1, 2, 3))

    protocol = "pixels in [0, 1]"
    return mean_over_examples(score, model, dataset, num_examples, batch_size, seed, verbose, protocol)
