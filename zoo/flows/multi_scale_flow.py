"""Flows on images with the multi-scale architecture (RealNVP, Dinh et al. 2016, section 3.6)."""

import tensorflow as tf
import tensorflow_probability as tfp

from ...bijectors import MultiScale
from ..compiled import compiled
from ..latents import check_latents
from .flow import Flow

tfb = tfp.bijectors


class MultiScaleFlow(Flow):
    """A flow whose latents leave level by level, half of the channels at each.

    A subclass writes `multi_scale(condition)` and, if images pass something before the levels,
    `preprocessing()`.
    """

    def multi_scale(self, condition: tf.Tensor | None = None) -> MultiScale:
        """The levels, over the weights as they are now.

        Args:
          condition: as `bijector`'s; None also where only the shapes of the latents are asked for.
        """
        raise NotImplementedError

    def preprocessing(self) -> list[tfb.Bijector]:
        """What images on [0, 1]^D pass before the levels, in the order of `tfb.Chain`: the first one last."""
        return []

    def bijector(self, condition=None):
        return tfb.Chain([self.multi_scale(condition), *self.preprocessing()])

    def split_latents(self, latents) -> list[tf.Tensor]:
        """Latents `[N, D]` as the parts of the levels, `[N, H_i, W_i, C_i]`, finest first.

        Raises:
          ValueError: latents of another size, or a flow on vectors, which has no levels.
        """
        self._require_images("split_latents")
        latents = check_latents(latents, self.latent_dim)
        return self.multi_scale().split_latents(latents)

    def level_log_dets(self, images, labels=None, condition=None) -> list[tf.Tensor]:
        """What each level adds to log p, in nats, float32 `[N]` each; preprocessing is not counted.

        A level that stretches without bound, or flattens, shows here before it shows in samples.

        Args:
          images, labels, condition: as `encode`'s.

        Raises:
          ValueError: images, labels or condition of a wrong kind, or a flow on vectors, which has no levels.
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
