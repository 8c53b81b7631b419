"""The base class of GANs: public methods, with images in [0, 1]."""

from types import MappingProxyType

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from .. import seeds
from ..checks import check_count, check_three
from ..compiled import compiled
from ..deprecation import old_arguments
from ..events import Images
from ..images import as_tensor, from_keras
from ..latents import check_latents
from ..slerp import slerp
from . import mode_collapse
from .adversarial import AdversarialTraining


class AdversarialModel(AdversarialTraining):
    """A generator and a discriminator, trained against each other.

    Training keeps a moving average of the generator's weights, which replaces the weights when `fit` ends.

    A subclass creates `generator` and `discriminator` in its constructor, implements `_images_of`, and
    returns what its training adds to the adversarial losses from `training_parts`.

    Args:
      image_shape: (H, W, C).
      latent_dim: dimension of z.
      num_classes: number of classes that both networks are conditioned on, or 0.
      seed: integer for the initial weights and the random numbers in training.
    """

    family = "gan"
    sampling_options: tuple[str, ...] = ()
    pixel_rounding = "nearest"  # trained on pixels v / 127.5 - 1, as in StyleGAN's official code
    collapse_examples = mode_collapse.NUM_COMPARED
    warns_of_unused_classes = True

    training_defaults = MappingProxyType(
        {"learning_rate": 2e-3, "schedule": "constant", "warmup_steps": 0, "clip_norm": 0, "ema": 0.999}
    )

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(num_classes=num_classes, **kwargs)
        self.image_shape = check_three(image_shape)
        self.events = Images(self.image_shape)
        self.latent_dim = check_count("latent_dim", latent_dim, 1)
        self.seed = check_count("seed", seed, 0, 2**31 - 1)

    @old_arguments(n="num_samples")
    def sample(self, num_samples: int, seed: ArrayLike = 0, labels: ArrayLike | None = None) -> tf.Tensor:
        """Samples images. Row i depends only on (seed, i).

        Args:
          num_samples: at least 1.
          seed: an integer, or `[num_samples, 2]`, a pair of integers per row.
          labels: int `[num_samples]`, or one for all rows; required by conditional models.

        Returns:
          float32 `[num_samples, H, W, C]` in [0, 1].

        Raises:
          ValueError: num_samples below 1, labels missing or out of range.
        """
        num_samples = check_count("num_samples", num_samples, 1)
        row_seeds = seeds.row_seeds(seed, num_samples)
        return self._sample(row_seeds, self._check_labels(labels, num_samples))

    def decode(self, latents: ArrayLike, labels: ArrayLike | None = None) -> tf.Tensor:
        """Returns the images of latents z `[N, latent_dim]`, float32 `[N, H, W, C]` in [0, 1]."""
        z = check_latents(latents, self.latent_dim)
        return self._decode(z, self._check_labels(labels, z.shape[0]))

    def interpolate(
        self, latents_a: ArrayLike, latents_b: ArrayLike, steps: int, labels: ArrayLike | None = None
    ) -> tf.Tensor:
        """Returns images along the great circle between two latents z `[latent_dim]`, including both ends.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].
        """
        steps = check_count("steps", steps, 2)
        first, last = (end.numpy() for end in self._check_ends(latents_a, latents_b))
        fractions = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        return self.decode(slerp(first, last, fractions), labels)

    def _check_ends(self, latents_a, latents_b) -> list[tf.Tensor]:
        """Two latents `[latent_dim]` as tensors, or ValueError."""
        return [
            check_latents(as_tensor(z, name)[None], self.latent_dim, name)[0]
            for z, name in ((latents_a, "latents_a"), (latents_b, "latents_b"))
        ]

    def find_collapse(self, images: np.ndarray, labels: np.ndarray | None = None) -> str | None:
        """Returns a warning if samples vary much less than `images`: see `find_mode_collapse`."""
        return mode_collapse.find_mode_collapse(self, images, labels)

    def call(self, inputs, training: bool | None = None) -> tf.Tensor:
        """Returns the images of latents z, or of (latents, labels), as `decode` does, for graphs."""
        latents, labels = self.condition.unpack(inputs)
        return self._to_unit(self._images_of(from_keras(latents), labels))

    @property
    def _input(self):
        return "latents", (self.latent_dim,)

    @compiled
    def _sample(self, row_seeds, labels):
        return self._to_unit(self._images_of(seeds.normal(row_seeds, (self.latent_dim,)), labels))

    @compiled
    def _decode(self, latents, labels):
        return self._to_unit(self._images_of(latents, labels))

    def _to_unit(self, images):
        """Converts network images in [-1, 1] to [0, 1], cropped to `image_shape`."""
        top, left = self._margins()
        height, width, _ = self.image_shape
        return tf.clip_by_value((images[:, top : top + height, left : left + width] + 1) / 2, 0.0, 1.0)

    def _from_unit(self, images):
        """Converts user images to [-1, 1], padded with black to the size of the networks."""
        x = tf.cast(images, tf.float32) / 127.5 - 1 if images.dtype == tf.uint8 else 2 * images - 1
        (top, left), (height, width, _), (rows, columns) = self._margins(), self.image_shape, self._size()
        frame = [[0, 0], [top, rows - height - top], [left, columns - width - left], [0, 0]]
        return tf.pad(x, frame, constant_values=-1.0)

    def _size(self) -> tuple[int, int]:
        """Height and width of the images inside the networks."""
        return self.image_shape[:2]

    def _margins(self):
        return [(inner - outer) // 2 for inner, outer in zip(self._size(), self.image_shape, strict=False)]
