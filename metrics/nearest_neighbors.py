"""The training images nearest to samples: does a model generate new images, or has it memorized them?"""

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..zoo.model import ZooModel
from ..zoo.pictures import to_uint8
from ..zoo.progress import Progress


def nearest_neighbors(
    images: np.ndarray,
    model: ZooModel,
    dataset: Data,
    *,
    k: int = 5,
    batch_size: int = 1024,
    verbose: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k images of a dataset nearest to each image, by the mean squared difference of pixels.

    Samples that are no nearer to the training images than test images are were not memorized.

    Args:
      images: `[N, H, W, C]`, uint8, or float in [0, 1].
      model: only gives the shape of the dataset's images.
      dataset: the training images; read once, in batches.

    Returns:
      The root mean squared differences `[N, k]` of pixels in [0, 1], nearest first; and the neighbors, uint8
      `[N, k, H, W, C]`.

    Raises:
      ValueError: k is above the number of training images.
    """
    training = as_dataset(dataset)
    count = int(training.cardinality())
    if not 1 <= k <= count:
        raise ValueError(f"k: got {k}, expected from 1 to {count}, the number of training images.")
    images = to_uint8(images)
    points = _points(images)
    nearest = np.full([len(points), k], np.inf)
    neighbors = np.zeros([len(points), k, *images.shape[1:]], np.uint8)
    rows = np.arange(len(points))[:, None]
    bar = Progress(count, "images", verbose)
    for batch, _ in batches(model, training, batch_size):
        batch = to_uint8(batch.numpy())
        others = _points(batch)
        squares = (points**2).mean(axis=1)[:, None] + (others**2).mean(axis=1)
        distances = squares - 2 * points @ others.T / points.shape[1]
        best = np.argsort(distances, axis=1, kind="stable")[:, :k]
        distances = np.concatenate([nearest, distances[rows, best]], axis=1)
        candidates = np.concatenate([neighbors, batch[best]], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        nearest, neighbors = distances[rows, order], candidates[rows, order]
        bar.add(len(batch))
    return np.sqrt(nearest.clip(0)), neighbors


def _points(images):
    return images.reshape(len(images), -1).astype(np.float64) / 255.0
