"""Two moons: a two-dimensional dataset of two interleaved half circles."""

import numpy as np


def two_moons(split: str = "train", noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Samples points of two interleaved half circles of radius 1, centered at (0, 0) and (1, 1/2).

    Args:
      split: `train`, 50,000 points, or `test`, 10,000 others; always the same points.
      noise: standard deviation of the normal noise on each coordinate.

    Returns:
      The points, float32 [N, 2], and which moon each is of, 0 or 1, int64 [N].

    Raises:
      ValueError: the split is unknown.
    """
    sizes = {"train": 50_000, "test": 10_000}
    if split not in sizes:
        raise ValueError(f"split must be of train, test, got '{split}'.")
    random = np.random.Generator(np.random.PCG64(list(sizes).index(split)))
    moons = random.integers(2, size=sizes[split])
    angles = random.uniform(0, np.pi, size=sizes[split])
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    lower = np.stack([1 - np.cos(angles), 0.5 - np.sin(angles)], axis=-1)
    points = np.where(moons[:, np.newaxis] == 0, upper, lower)
    return (points + random.normal(0, noise, points.shape)).astype(np.float32), moons
