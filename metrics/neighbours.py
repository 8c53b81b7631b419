"""Distances between the points of two sets, a strip at a time."""

from collections.abc import Iterator

import numpy as np

# Rows of a strip: 40 MB for 10,000 points.
_ROWS = 500


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """Yields squared distances `[<= 500, M]` of points `[N, F]`, in their order, to points `[M, F]`."""
    # About their middle, where |x|^2 + |y|^2 - 2 x.y loses least.
    middle = np.mean(b, axis=0, dtype=np.float64)
    a, b = np.asarray(a, np.float64) - middle, np.asarray(b, np.float64) - middle
    squares = np.einsum("mf,mf->m", b, b)
    for first in range(0, len(a), _ROWS):
        rows = a[first : first + _ROWS]
        products = np.einsum("nf,nf->n", rows, rows)[:, None] + squares - 2 * rows @ b.T
        yield products.clip(0)


def squared_radii(points: np.ndarray, k: int) -> np.ndarray:
    """The squared distance of each point `[N, F]` to its k-th nearest other one, `[N]`.

    Raises:
      ValueError: k is not below N.
    """
    if not 1 <= k < len(points):
        raise ValueError(f"k: got {k}, expected from 1 to {len(points) - 1}, for {len(points)} points.")
    radii, first = [], 0
    for distances in squared_distances(points, points):
        rows = np.arange(len(distances))
        distances[rows, first + rows] = -1.0  # a point itself comes first, whatever rounding does
        radii.append(np.partition(distances, k, axis=1)[:, k])
        first += len(distances)
    return np.concatenate(radii)
