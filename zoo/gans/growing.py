"""Progressive growing: networks that learn low resolutions first (Karras et al. 2018, section 2).

The level of detail, `lod`, counts how many doublings of the resolution are still to come: 0 at the end.
Between two whole numbers the next resolution fades in.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from .box_resampling import downscale2d, upscale2d


def lod_at(images: tf.Tensor, doublings: int, steady_images: int, fade_images: int) -> tf.Tensor:
    """The level of detail after so many images of training.

    Each resolution but the last is trained for `steady_images` alone, then the next one fades in for
    `fade_images`.

    Args:
      images: an integer.
      doublings: between the first resolution and the last.

    Returns:
      float32, from `doublings` to 0.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.growing import lod_at
    >>> [float(lod_at(tf.constant(n), 2, 100, 100)) for n in (0, 100, 125, 200, 350, 400, 999)]
    [2.0, 2.0, 1.75, 1.0, 0.5, 0.0, 0.0]
    """
    phase = steady_images + fade_images
    images = tf.cast(images, tf.int64)
    fading = tf.maximum(images % phase - steady_images, 0) / max(fade_images, 1)
    lod = tf.cast(doublings - images // phase, tf.float64) - fading
    return tf.cast(tf.maximum(lod, 0.0), tf.float32)


def coarsened(images: tf.Tensor, lod: tf.Tensor, doublings: int) -> tf.Tensor:
    """Images `[N, R, R, C]` with the detail of `lod` alone: what the discriminator is shown as real."""
    for level in range(doublings):
        factor = 2 ** (level + 1)
        images = tf.cond(
            lod > level,
            lambda x=images, n=factor, k=level: lerp(x, upscale2d(downscale2d(x, n), n), lod - k),
            lambda x=images: x,
        )
    return images


def lerp(a: tf.Tensor, b: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """a where t <= 0, b where t >= 1, on the line between them elsewhere."""
    return a + (b - a) * tf.cast(tf.clip_by_value(t, 0, 1), a.dtype)


def only_if(
    condition: tf.Tensor, function: Callable[[], Sequence[tf.Tensor]], shapes: Sequence, dtypes: Sequence
) -> Sequence[tf.Tensor]:
    """`function()`, or zeros of `shapes` without the work."""

    def zeros():
        return [tf.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]

    return tf.cond(condition, function, zeros)
