"""The base class of models that encode events as latent vectors and decode them: flows and autoencoders."""

import tensorflow as tf
from numpy.typing import ArrayLike

from . import seeds
from .checks import check_count
from .latents import check_finite, check_latents, check_temperature
from .model import ZooModel


class LatentModel(ZooModel):
    """Public methods that build on encoding and decoding.

    A subclass defines `latent_dim`, `_encode(events, condition)` and `_decode(latents, condition)`, which
    take checked tensors and return tensors, and `_draw(row_seeds, temperature, condition)` if it samples.
    """

    latent_dim: int

    def encode(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tf.Tensor:
        """Encodes images (or vectors) as latents, float32 `[N, D]`.

        Args:
          images: `[N, H, W, C]` (vectors: `[N, D]`).
          labels: int `[N]`, or one for all, for class-conditional models.
          condition: `[N, ...]`, or one for all, for models conditioned on something else.

        Raises:
          ValueError: invalid images, labels or condition.
        """
        return self._encode(*self._check_events(images, labels, condition))

    def decode(
        self, latents: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tf.Tensor:
        """Decodes latents as images, float32 `[N, H, W, C]` in [0, 1] (or vectors, `[N, D]`).

        Args:
          latents: float32 `[N, D]`.
          labels, condition: see `encode`.

        Raises:
          ValueError: invalid latents, labels or condition, or latents so large that numbers overflow.
        """
        z = check_latents(latents, self.latent_dim)
        events = self._decode(z, self._check_condition(z.shape[0], labels, condition))
        return check_finite(events, "latents")

    def reconstruct(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tf.Tensor:
        """Returns `decode(encode(images))`, float32 `[N, H, W, C]` in [0, 1] (vectors: `[N, D]`).

        A flow returns the events themselves, up to rounding and the tolerance of an iterative inverse.

        Args:
          images, labels, condition: see `encode`.

        Raises:
          ValueError: invalid images, labels or condition. For flows also images so unlike the training data
            that float32 rounding errors become visible.
        """
        events, condition = self._check_events(images, labels, condition)
        restored = self._decode(self._encode(events, condition), condition)
        return self._check_restored(events, restored, condition)

    def interpolate(
        self,
        image_a: ArrayLike,
        image_b: ArrayLike,
        steps: int,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> tf.Tensor:
        """Interpolates linearly between the latents of two images; the ends are their reconstructions.

        Args:
          image_a, image_b: one image each, `[H, W, C]` (or vectors `[D]`).
          steps: number of images, at least 2.
          labels: one int for all, for class-conditional models.
          condition: one for all, for models conditioned on something else.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].

        Raises:
          ValueError: an invalid argument; see also `reconstruct`.
        """
        steps = check_count("steps", steps, 2)
        ends = [self.events.check_one(image_a, "image_a"), self.events.check_one(image_b, "image_b")]
        of_end = self._check_condition(1, labels, condition)
        path = tf.linspace(*(self._encode(end, of_end)[0] for end in ends), steps)
        events = self.decode(path, labels, condition)
        self._check_restored(ends[0], events[:1], of_end)
        self._check_restored(ends[1], events[-1:], of_end)
        return events

    def _sampled(self, num_samples, seed, temperature, labels=None, condition=None) -> tf.Tensor:
        """Implements `sample`: checks the arguments, draws, and checks the samples."""
        num_samples = check_count("num_samples", num_samples, 1)
        temperature = check_temperature(temperature)
        condition = self._check_condition(num_samples, labels, condition)
        events = self._draw(seeds.row_seeds(seed, num_samples), temperature, condition)
        return check_finite(events, f"latents of temperature {temperature:g}")

    def _check_restored(self, events: tf.Tensor, restored: tf.Tensor, condition) -> tf.Tensor:
        """Returns `restored`; raises ValueError if an invertible model did not restore the events."""
        return restored

    def _encode(self, events, condition):
        raise NotImplementedError

    def _decode(self, latents, condition):
        raise NotImplementedError

    def _draw(self, row_seeds, temperature, condition):
        """Draws samples, row i from only `row_seeds[i]` and its condition; temperature scalar or `[N, 1]`."""
        raise NotImplementedError
