"""Two moons: points in the plane that a density must bend around."""

import numpy as np


def two_moons(split: str = "train", noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Points of two interleaved half circles of radius 1, centred at (0, 0) and (1, 1/2).

    Args:
        split: `train`, 50,000 points, or `test`, 10,000 others; the same ones always.
        noise: standard deviation of the normal noise on each coordinate.

    Returns:
        float32 [N, 2], and which of the moons, int64 [N].
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
