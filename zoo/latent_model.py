"""Models that encode an event as a latent vector and decode it: what flows and autoencoders share."""

import tensorflow as tf

from . import seeds
from .checks import check_count
from .latents import check_finite, check_latents, check_temperature
from .model import ZooModel


class LatentModel(ZooModel):
    """Events to latent vectors and back, and the public methods that need no more.

    A subclass has `latent_dim` and writes `_encode(events, condition)` and `_decode(latents, condition)`:
    checked tensors in, tensors out; `_draw(row_seeds, temperature, condition)` too if it samples.
    """

    latent_dim: int

    def encode(self, images, labels=None, condition=None) -> tf.Tensor:
        """The latents of images (or vectors), float32 `[N, D]`.

        Args:
          images: `[N, H, W, C]` (vectors: `[N, D]`).
          labels: int `[N]`, or one for all, of a class-conditional model.
          condition: `[N, ...]`, or one for all, of a model conditioned on something else.

        Raises:
          ValueError: images, labels or condition of a wrong kind.
        """
        return self._encode(*self._check_events(images, labels, condition))

    def decode(self, latents, labels=None, condition=None) -> tf.Tensor:
        """The images (or vectors) of latents `[N, D]`, float32 `[N, H, W, C]` in [0, 1].

        Args:
          latents: float32 `[N, D]`.
          labels, condition: as `encode`'s.

        Raises:
          ValueError: latents, labels or condition of a wrong kind, or latents so far out that numbers
            overflow.
        """
        latents = check_latents(latents, self.latent_dim)
        events = self._decode(latents, self._check_condition(latents.shape[0], labels, condition))
        return check_finite(events, "latents")

    def reconstruct(self, images, labels=None, condition=None) -> tf.Tensor:
        """`decode(encode(images))`, float32 `[N, H, W, C]` in [0, 1] (vectors: `[N, D]`).

        A flow gives the events themselves, up to rounding and the tolerance of an iterative inverse.

        Args:
          images, labels, condition: as `encode`'s.

        Raises:
          ValueError: images, labels or condition of a wrong kind; of a flow also images so unlike those of
            the training that rounding in float32 would show.
        """
        events, condition = self._check_events(images, labels, condition)
        restored = self._decode(self._encode(events, condition), condition)
        return self._check_restored(events, restored, condition)

    def interpolate(self, image_a, image_b, steps: int, labels=None, condition=None) -> tf.Tensor:
        """Images on the straight line between two images' latents; the ends are their reconstructions.

        Args:
          image_a, image_b: one image each, `[H, W, C]` (or vectors `[D]`).
          steps: at least 2.
          labels: one int for all, of a class-conditional model.
          condition: one for all, of a model conditioned on something else.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].

        Raises:
          ValueError: an argument of a wrong kind, as `reconstruct`.
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
        """What `sample` does with its arguments: it checks them, draws, and checks what was drawn."""
        num_samples = check_count("num_samples", num_samples, 1)
        temperature = check_temperature(temperature)
        condition = self._check_condition(num_samples, labels, condition)
        events = self._draw(seeds.row_seeds(seed, num_samples), temperature, condition)
        return check_finite(events, f"latents of temperature {temperature:g}")

    def _check_restored(self, events: tf.Tensor, restored: tf.Tensor, condition) -> tf.Tensor:
        """`restored`; ValueError if the model promises the events themselves and these are others."""
        return restored

    def _encode(self, events, condition):
        raise NotImplementedError

    def _decode(self, latents, condition):
        raise NotImplementedError

    def _draw(self, row_seeds, temperature, condition):
        """Samples, row i from `row_seeds[i]` and its condition alone; temperature a number or `[N, 1]`."""
        raise NotImplementedError
