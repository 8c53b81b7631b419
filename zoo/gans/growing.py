"""Progressive growing: training starts at a low resolution (Karras et al. 2018, section 2)."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from .box_resampling import downscale2d, upscale2d
from .level_of_detail import lerp
from .training_part import TrainingPart


class Growing(TrainingPart):
    """Lowers the networks' level of detail with the number of images seen; logs it as `lod`.

    `lod` never increases: a model that has grown keeps its resolution when it is trained again. Real images
    are reduced to the detail of the generated ones.

    Args:
      networks: networks with equal weights `lod`.
      doublings: number of doublings from the first resolution to the last, at least 1.
      steady_images, fade_images: see `lod_at`.
    """

    name = "growing"
    metric_names = ("lod",)

    def __init__(
        self, networks: Sequence[keras.layers.Layer], doublings: int, steady_images: int, fade_images: int
    ):
        self.networks, self.doublings = networks, doublings
        self.steady_images, self.fade_images = steady_images, fade_images

    @property
    def lod(self) -> tf.Tensor:
        """Number of remaining doublings, fractional while a resolution fades in."""
        return tf.convert_to_tensor(self.networks[0].lod)

    def prepare_reals(self, reals: tf.Tensor) -> tf.Tensor:
        return coarsened(reals, self.lod, self.doublings)

    def observe(self, real_logits: tf.Tensor) -> None:
        self.log("lod", self.lod)

    def after_step(self, step: tf.Tensor, images: tf.Tensor, count: tf.Tensor) -> None:
        lod = lod_at(images, self.doublings, self.steady_images, self.fade_images)
        lod = tf.minimum(lod, self.lod)
        for network in self.networks:
            network.lod.assign(lod)


def lod_at(images: tf.Tensor, doublings: int, steady_images: int, fade_images: int) -> tf.Tensor:
    """Returns the level of detail after a number of training images.

    Each resolution except the last is trained for `steady_images`; then the next one fades in over
    `fade_images`.

    Args:
      images: integer, the number of images seen.
      doublings: number of doublings from the first resolution to the last.

    Returns:
      float32 in [0, doublings].

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
    """Reduces images `[N, R, R, C]` to the detail of `lod`: the real images that the discriminator sees."""
    for level in range(doublings):
        factor = 2 ** (level + 1)
        images = tf.cond(
            lod > level,
            lambda x=images, n=factor, k=level: lerp(x, upscale2d(downscale2d(x, n), n), lod - k),
            lambda x=images: x,
        )
    return images
