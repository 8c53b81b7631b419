"""The training images nearest to samples: does a model make new images, or remember?"""

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..zoo.pictures import to_uint8
from ..zoo.progress import Progress


def nearest_neighbours(
    images: np.ndarray, model, dataset: Data, *, k: int = 5, batch_size: int = 1024, verbose: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """The k images of a data set nearest to each image, by the mean squared difference of pixels.

    Samples no nearer to the training images than test images are, are new.

    Args:
      images: `[N, H, W, C]`, uint8, or float in [0, 1].
      model: tells the shape of the data set's images, no more.
      dataset: the training images; read once, in batches.

    Returns:
      Root mean squared differences `[N, k]`, of pixels in [0, 1], nearest first; and the neighbours, uint8
      `[N, k, H, W, C]`.

    Raises:
      ValueError: k above the number of training images.
    """
    dataset = as_dataset(dataset)
    count = int(dataset.cardinality())
    if not 1 <= k <= count:
        raise ValueError(f"k: got {k}, expected from 1 to {count}, the number of training images.")
    images = to_uint8(images)
    points = _points(images)
    nearest = np.full([len(points), k], np.inf)
    neighbours = np.zeros([len(points), k, *images.shape[1:]], np.uint8)
    rows = np.arange(len(points))[:, None]
    bar = Progress(count, "images", verbose)
    for batch, _ in batches(model, dataset, batch_size):
        batch = to_uint8(batch.numpy())
        others = _points(batch)
        squares = (points**2).mean(axis=1)[:, None] + (others**2).mean(axis=1)
        distances = squares - 2 * points @ others.T / points.shape[1]
        best = np.argsort(distances, axis=1, kind="stable")[:, :k]
        distances = np.concatenate([nearest, distances[rows, best]], axis=1)
        candidates = np.concatenate([neighbours, batch[best]], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        nearest, neighbours = distances[rows, order], candidates[rows, order]
        bar.add(len(batch))
    return np.sqrt(nearest.clip(0)), neighbours


def _points(images):
    return images.reshape(len(images), -1).astype(np.float64) / 255.0
