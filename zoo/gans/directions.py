"""Directions in W along which an attribute of images changes (InterFaceGAN, Shen et al. 2020).

The direction is the normal of a hyperplane that separates images with the attribute from those without.

```python
w = model.mapping(latents)                                   # many samples
smiles = classifier(model.synthesis(w))                      # True or False for each image
direction = model.direction(w, smiles)                       # or fit_direction(w, smiles), for any w
model.synthesis(model.move(w[:8], direction, 2.0, "coarse"))
```
"""

import dataclasses
import warnings

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from ..checks import check_number
from ..deprecation import old_arguments
from ..latents import check_range


@dataclasses.dataclass(frozen=True)
class Direction:
    """A direction in W.

    Attributes:
      vector: float32 `[w_dim]`, pointing toward the attribute. Its length is the standard deviation along it
        of the w that it was fitted to.
      accuracy: balanced accuracy of a hyperplane on a held-out fifth of w; 0.5 is chance.
    """

    vector: np.ndarray
    accuracy: float


@old_arguments(labels="attribute")
def fit_direction(w: ArrayLike, attribute: ArrayLike, *, softness: float = 1.0) -> Direction:
    """Fits a linear support vector machine and returns the normal of its hyperplane.

    Both classes have the same total weight. The fit is deterministic.

    Args:
      w: `[N, w_dim]`, or `[N, num_ws, w_dim]`, which is averaged over styles.
      attribute: `[N]`, True or 1 for images with the attribute, False or 0 for the others.
      softness: C of the support vector machine; smaller values regularize more. w is scaled to a mean
        variance of 1.

    Raises:
      ValueError: invalid shape, values that are not finite, other values of attribute, or fewer than 5 w with
        or without it.

    >>> import numpy as np
    >>> from latentzoo.zoo.gans.directions import fit_direction
    >>> w = np.random.default_rng(0).standard_normal([500, 3])
    >>> direction = fit_direction(w, w[:, 1] > 0.3)
    >>> int(abs(direction.vector).argmax()), direction.accuracy > 0.95
    (1, True)
    """
    check_number("softness", softness, 0)
    points = _points(w)
    has_it = _answers(attribute, len(points))
    center, spread = points.mean(axis=0), np.sqrt(points.var(axis=0).mean())
    if not spread > 0:
        raise ValueError(f"w has {len(points)} rows that are all the same, expected different ones.")
    points = (points - center) / spread
    held_out = _fifth(has_it)
    normal, offset = _plane(points[~held_out], has_it[~held_out], softness)
    is_right = (points[held_out] @ normal + offset > 0) == has_it[held_out]
    accuracy = np.mean([is_right[has_it[held_out] == value].mean() for value in (False, True)])
    normal, _ = _plane(points, has_it, softness)
    normal = normal / np.linalg.norm(normal)
    return Direction((spread * (points @ normal).std() * normal).astype(np.float32), float(accuracy))


def move(
    w: ArrayLike,
    direction: Direction | ArrayLike,
    strength: ArrayLike,
    layers: ArrayLike | None = None,
) -> tf.Tensor:
    """Moves w along a direction: w + strength * vector, in all styles or in some of them.

    Args:
      w: `[N, w_dim]` or `[N, num_ws, w_dim]`.
      direction: a `Direction`, or a vector `[w_dim]`.
      strength: a number, or one for each row, `[N]`, in standard deviations; negative values move away from
        the attribute.
      layers: bool `[num_ws]`, the styles to move, as `StyleModel.style_mask` returns them. Default: all.

    Returns:
      float32, with the shape of w.

    Raises:
      ValueError: invalid shape; layers for w without styles.

    >>> import numpy as np
    >>> from latentzoo.zoo.gans.directions import move
    >>> move(np.zeros([1, 3, 2]), np.array([1.0, 0.5]), 2.0, [True, False, True]).numpy().tolist()
    [[[2.0, 1.0], [0.0, 0.0], [2.0, 1.0]]]
    """
    start = tf.convert_to_tensor(w)
    _check_shape(start.shape)
    start = tf.cast(start, tf.float32)
    vector = np.asarray(direction.vector if isinstance(direction, Direction) else direction, np.float32)
    if vector.shape != (start.shape[-1],):
        raise ValueError(f"direction has shape {list(vector.shape)}, expected [{start.shape[-1]}], as w has.")
    check_range(vector, "direction")
    factor = tf.cast(strength, tf.float32)
    check_range(factor, "strength")
    if factor.shape.rank and not factor.shape.is_compatible_with(start.shape[:1]):
        raise ValueError(f"strength has shape {list(factor.shape)}, expected [] or [{start.shape[0]}].")
    step = tf.reshape(factor, [-1] + [1] * (start.shape.rank - 1)) * vector
    if layers is None:
        return start + step
    mask = np.asarray(layers)
    if start.shape.rank != 3 or mask.dtype != bool or mask.shape != (start.shape[1],):
        expected = f"bool [{start.shape[1]}]" if start.shape.rank == 3 else "None for w of shape [N, w_dim]"
        raise ValueError(f"layers is {mask.dtype} {list(mask.shape)}, expected {expected}.")
    return start + step * mask[:, np.newaxis].astype(np.float32)


def _check_shape(shape):
    if len(shape) not in (2, 3):
        raise ValueError(f"w has shape {list(shape)}, expected [N, w_dim] or [N, num_ws, w_dim].")


def _points(w):
    w = np.asarray(w, np.float64)
    _check_shape(w.shape)
    if not np.isfinite(w).all():
        raise ValueError("w has values that are not finite.")
    return w if w.ndim == 2 else w.mean(axis=1)


def _answers(attribute, count):
    values = np.asarray(attribute)
    if values.shape != (count,) or values.dtype.kind not in "biu" or not np.isin(values, (0, 1)).all():
        got = f"{values.dtype} {list(values.shape)}"
        raise ValueError(f"attribute is {got}, expected {count} of True and False, or of 1 and 0.")
    values = values.astype(bool)
    if min(values.sum(), (~values).sum()) < 5:
        raise ValueError(
            f"attribute has {values.sum()} of {count} True, expected 5 True and 5 False at least."
        )
    return values


def _fifth(has_it):
    """Mask of the held-out rows, a random fifth of each class."""
    held_out = np.zeros(len(has_it), bool)
    random = np.random.default_rng(0)
    for value in (False, True):
        rows = random.permutation(np.flatnonzero(has_it == value))
        held_out[rows[: len(rows) // 5]] = True
    return held_out


def _plane(points, has_it, softness):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    with warnings.catch_warnings():  # the plane of the last iteration is good enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(C=softness, class_weight="balanced", dual=False).fit(points, has_it)
    return machine.coef_[0], machine.intercept_[0]
