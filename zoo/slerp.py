"""Spherical linear interpolation."""

import numpy as np

# Shorter vectors are treated as having no direction.
_SHORT = 1e-12


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Returns the points at `t` on the great circles from `a` to `b`; lengths are interpolated linearly.

    Args:
      a, b: `[..., D]`, not opposite to each other.
      t: `[..., 1]`, from 0 to 1.

    Source: Shoemake 1985, equation for spherical linear interpolation.

    >>> import numpy as np
    >>> from latentzoo.zoo.slerp import slerp
    >>> slerp(np.array([1.0, 0.0]), np.array([0.0, 3.0]), np.array([0.5])).round(6).tolist()
    [1.414214, 1.414214]
    """
    length_a, length_b = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    a, b = a / np.maximum(length_a, _SHORT), b / np.maximum(length_b, _SHORT)
    cosine = np.sum(a * b, axis=-1, keepdims=True).clip(-1, 1)
    across = b - cosine * a
    across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), _SHORT)
    angle = t * np.arccos(cosine)
    return (a * np.cos(angle) + across * np.sin(angle)) * ((1 - t) * length_a + t * length_b)
