"""The zoo's image conventions: what all public methods accept, and how pixels become numbers.

Images are NHWC, uint8 in [0, 255] or float32 in [0, 1]. Float images are already continuous. A uint8 pixel
is a bin of width 1/256. Deterministic computations use the center of the bin; dequantization draws a value
within it (Theis et al. 2016, section 3.1).
"""

import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

# The values that float images often consist of: k / 255, k / 256, and the centers of bins.
_GRIDS = {"k / 255": (255.0, 0.0), "k / 256": (256.0, 0.0), "(k + 1/2) / 256": (256.0, 0.5)}
GRIDS = tuple(_GRIDS)

# The number of values, drawn from all images, that are tested for lying on a grid, and a bound on the float32
# rounding errors, as a fraction of a step.
_LOOKED_AT, _ROUNDING = 4096, 1e-4

# The uses of float images for which a warning was issued.
_warned: set[str] = set()


def check_images(images: ArrayLike, image_shape: tuple[int, int, int], name: str = "images") -> tf.Tensor:
    """Returns `images` as a tensor after checking shape, dtype and range.

    Raises:
      ValueError: a wrong rank, size or dtype, no images, NaN, or float values outside [0, 1].
    """
    tensor = as_tensor(images, name)
    check_kind(tensor, image_shape, name)
    _check_not_empty(tensor, name, _batch_of(image_shape))
    if tensor.dtype == tf.float32:
        _check_range(tensor, name)
    return tensor


def check_kind(images: tf.Tensor, image_shape: tuple[int, int, int], name: str = "images") -> None:
    """The part of `check_images` that needs no values, for graphs.

    Raises:
      ValueError: a wrong rank, size or dtype.
    """
    if not images.shape.is_compatible_with([None, *image_shape]):
        raise ValueError(f"{name} has shape {tuple(images.shape)}, expected {_batch_of(image_shape)}.")
    if images.dtype not in (tf.uint8, tf.float32):
        raise ValueError(
            f"{name} has dtype {images.dtype.name}, expected uint8 in [0, 255] or float32 in [0, 1]."
        )


def check_vectors(vectors: ArrayLike, size: int, name: str = "vectors") -> tf.Tensor:
    """Returns `vectors` as a tensor after checking that it is a batch `[N, size]` of finite float32 numbers.

    Raises:
      ValueError: a wrong rank, size or dtype, no vectors, NaN or infinity.
    """
    tensor = as_tensor(vectors, name)
    check_kind_of_vectors(tensor, size, name)
    _check_not_empty(tensor, name, f"[N, {size}]")
    if not bool(tf.reduce_all(tf.math.is_finite(tensor))):
        raise ValueError(f"{name} holds NaN or infinity, expected finite numbers.")
    return tensor


def check_kind_of_vectors(vectors: tf.Tensor, size: int, name: str = "vectors") -> None:
    """The part of `check_vectors` that needs no values, for graphs.

    Raises:
      ValueError: a wrong rank, size or dtype.
    """
    if not vectors.shape.is_compatible_with([None, size]):
        raise ValueError(f"{name} has shape {tuple(vectors.shape)}, expected [N, {size}].")
    if vectors.dtype != tf.float32:
        raise ValueError(f"{name} has dtype {vectors.dtype.name}, expected float32.")


def from_keras(events: ArrayLike) -> tf.Tensor:
    """Returns the events that Keras passes to `call`, with floats as float32: `fit` casts to `floatx()`.

    >>> import numpy as np
    >>> from latentzoo.zoo.images import from_keras
    >>> from_keras(np.zeros([2, 3], np.float64)).dtype, from_keras(np.zeros([2, 3], np.uint8)).dtype
    (tf.float32, tf.uint8)
    """
    tensor = tf.convert_to_tensor(events)
    return tf.cast(tensor, tf.float32) if tensor.dtype.is_floating else tensor


def bin_centers(images: tf.Tensor, num_bits: int = 8) -> tf.Tensor:
    """Returns float32 images in [0, 1]: uint8 pixels at the centers of their bins, float images unchanged."""
    return dequantize(images, 0.5, num_bits)


def dequantize(images: tf.Tensor, noise: tf.Tensor | float, num_bits: int = 8) -> tf.Tensor:
    """Returns (floor(x / 2^(8 - num_bits)) + noise) / 2^num_bits for uint8 images; float images unchanged.

    Args:
      images: uint8 or float32, any shape.
      noise: in [0, 1), of the shape of the images.
      num_bits: 1 to 8; Glow's CelebA-HQ models use 5.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.images import dequantize
    >>> float(dequantize(tf.constant(255, tf.uint8), 0.5, num_bits=1))
    0.75
    """
    if images.dtype != tf.uint8:
        return images
    bins = tf.cast(tf.bitwise.right_shift(images, tf.constant(8 - num_bits, tf.uint8)), tf.float32)
    return (bins + noise) / 2.0**num_bits


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Converts float images in [0, 1] to uint8, the bin of each value: `pictures.to_uint8` for graphs.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.images import to_uint8
    >>> to_uint8(tf.constant([0.0, 0.5, 1.0])).numpy().tolist()
    [0, 128, 255]
    """
    return tf.cast(tf.clip_by_value(tf.floor(images * 256.0), 0.0, 255.0), tf.uint8)


def warn_if_quantized(images: tf.Tensor | np.ndarray, use: str, grids: Sequence[str] = GRIDS) -> None:
    """Warns, once per use, if float images hold 8-bit pixels rather than continuous values.

    A flow models a density, which can grow without bound at the few values that such a dataset contains.

    Args:
      images: as returned by `check_images`.
      use: what the images are used for, such as "bits_per_dim".
      grids: the grids to warn about, of `k / 255`, `k / 256` and `(k + 1/2) / 256`.
    """
    values = np.asarray(images).reshape(-1)
    if values.dtype != np.float32 or not len(values) or use in _warned:
        return
    if len(values) > _LOOKED_AT:
        values = np.random.default_rng(0).choice(values, _LOOKED_AT)
    for grid in grids:
        steps, offset = _GRIDS[grid]
        places = values.astype(np.float64) * steps - offset
        if np.abs(places - np.round(places)).max() < _ROUNDING:
            _warned.add(use)
            warnings.warn(
                f"{use} got float images whose values are all {grid}: pixels of 8 bits, taken as continuous "
                "values without dequantization noise. Pass the uint8 images.",
                stacklevel=3,
            )
            return


def _batch_of(shape):
    return f"[N, {', '.join(map(str, shape))}]"


def as_tensor(values: ArrayLike, name: str) -> tf.Tensor:
    """Converts `values` to a dense tensor.

    Raises:
      ValueError: they cannot be converted, such as dicts, ragged or sparse values.
    """
    try:
        if isinstance(values, list | tuple) and hasattr(values[0] if values else None, "dtype"):
            values = np.asarray([np.asarray(value) for value in values])  # TensorFlow makes uint8 int32
        return tf.convert_to_tensor(values)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is of type {type(values).__name__} and makes no array, expected numbers of one shape."
        ) from None


def _check_not_empty(values, name, expected):
    if values.shape[0] == 0:
        raise ValueError(f"{name} is empty (N = 0), expected {expected} with N >= 1.")


def _check_range(images, name):
    values = np.asarray(images)
    if np.isnan(values).any():
        raise ValueError(f"{name} holds NaN, expected values in [0, 1].")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"{name} holds values from {values.min():g} to {values.max():g}, "
            "expected float32 in [0, 1] (or uint8 in [0, 255])."
        )
