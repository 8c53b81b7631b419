"""Distances between the points of two sets, computed in blocks."""

from collections.abc import Iterator

import numpy as np

# Rows per block: 40 MB for 10,000 points.
_ROWS = 500


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """Yields squared distances `[<= 500, M]` of points `[N, F]`, in order, to points `[M, F]`."""
    # Centered, |x|^2 + |y|^2 - 2 x.y loses the least precision.
    center = np.mean(b, axis=0, dtype=np.float64)
    a, b = np.asarray(a, np.float64) - center, np.asarray(b, np.float64) - center
    squares = np.einsum("mf,mf->m", b, b)
    for first in range(0, len(a), _ROWS):
        rows = a[first : first + _ROWS]
        products = np.einsum("nf,nf->n", rows, rows)[:, None] + squares - 2 * rows @ b.T
        yield products.clip(0)


def squared_radii(points: np.ndarray, k: int) -> np.ndarray:
    """Returns the squared distance of each point `[N, F]` to its k-th nearest other point, `[N]`.

    Raises:
      ValueError: k is not below N.
    """
    if not 1 <= k < len(points):
        raise ValueError(f"k: got {k}, expected from 1 to {len(points) - 1}, for {len(points)} points.")
    radii, first = [], 0
    for distances in squared_distances(points, points):
        rows = np.arange(len(distances))
        distances[rows, first + rows] = -1.0  # each point is its own nearest, whatever the rounding
        radii.append(np.partition(distances, k, axis=1)[:, k])
        first += len(distances)
    return np.concatenate(radii)
