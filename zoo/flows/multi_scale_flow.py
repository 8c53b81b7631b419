"""Flows on images with the multi-scale architecture (RealNVP, Dinh et al. 2016, section 3.6)."""

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from ...bijectors import MultiScale
from ..compiled import compiled
from ..latents import check_latents
from .flow import Flow

tfb = tfp.bijectors


class MultiScaleFlow(Flow):
    """A flow that factors out half of the channels as latents at each level.

    A subclass implements `multi_scale(condition)` and, if it preprocesses images, `preprocessing()`.
    """

    def multi_scale(self, condition: tf.Tensor | None = None) -> MultiScale:
        """Returns the levels, with the current weights.

        Args:
          condition: see `bijector`; None also if only the shapes of the latents are needed.
        """
        raise NotImplementedError

    def preprocessing(self) -> list[tfb.Bijector]:
        """Returns the maps applied to images before the levels, in `tfb.Chain` order: the first one last."""
        return []

    def bijector(self, condition=None):
        return tfb.Chain([self.multi_scale(condition), *self.preprocessing()])

    def split_latents(self, latents: ArrayLike) -> list[tf.Tensor]:
        """Splits latents `[N, D]` into the parts of the levels, `[N, H_i, W_i, C_i]`, finest first.

        Raises:
          ValueError: latents of another size, or a flow on vectors, which has no levels.
        """
        self._require_images("split_latents")
        latents = check_latents(latents, self.latent_dim)
        return self.multi_scale().split_latents(latents)

    def level_log_dets(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> list[tf.Tensor]:
        """Returns the contribution of each level to log p in nats, float32 `[N]`; excludes preprocessing.

        A level that expands without bound, or collapses, is visible here before it is in samples.

        Args:
          images, labels, condition: see `encode`.

        Raises:
          ValueError: invalid images, labels or condition, or a flow on vectors, which has no levels.
        """
        self._require_images("level_log_dets")
        return self._level_log_dets(*self._check_events(images, labels, condition))

    def training_histograms(self, images, labels=None, condition=None):
        if not self.has_images:
            return {}
        levels = self.level_log_dets(images, labels, condition)
        return {f"log_det/level_{level}": values for level, values in enumerate(levels)}

    @compiled
    def _level_log_dets(self, images, condition):
        x = tfb.Chain(self.preprocessing()).forward(self.events.dequantize(images))
        return self.multi_scale(condition).level_log_dets(x)
