"""The networks of GANs with a style-based generator, and their training."""

import tensorflow as tf

from ..checks import check_count, check_number
from .adversarial_model import AdversarialModel
from .r1 import R1
from .training_part import TrainingPart


class StyleTraining(AdversarialModel):
    """A GAN whose generator maps z to w, and w to images layer by layer; trained with style mixing.

    A subclass creates `generator`, with the layers `mapping` and `synthesis`. Images inside the networks are
    square, with a power of two as size, in [-1, 1]; those of the model are cropped to `image_shape`, in
    [0, 1].

    Args:
      w_dim: dimension of w.
      mapping_depth: number of layers of the mapping network.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels.
      minibatch_group: number of images over which the discriminator computes the standard deviation.
      r1_gamma, r1_interval: see `R1`; gamma 0 disables it.
      mixing_probability: probability that a training image has styles of two latents (style mixing).
      the others: see `AdversarialModel`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        num_classes: int,
        seed: int,
        *,
        w_dim: int,
        mapping_depth: int,
        channel_base: int,
        channel_max: int,
        minibatch_group: int,
        r1_gamma: float,
        r1_interval: int,
        mixing_probability: float,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, num_classes, seed, **kwargs)
        self.w_dim = check_count("w_dim", w_dim, 1)
        self.mapping_depth = check_count("mapping_depth", mapping_depth, 0)
        self.channel_base = check_count("channel_base", channel_base, self.resolution)
        self.channel_max = check_count("channel_max", channel_max, 1)
        self.minibatch_group = check_count("minibatch_group", minibatch_group, 1)
        self.r1_gamma = check_number("r1_gamma", r1_gamma, 0)
        self.r1_interval = check_count("r1_interval", r1_interval, 1)
        self.mixing_probability = check_number("mixing_probability", mixing_probability, 0)

    def _make_networks(self, generator: type, discriminator: type, of_generator, of_discriminator, **of_both):
        """Creates both networks, with these arguments in addition to the shared ones."""
        shape = (self.resolution, self.resolution, self.image_shape[-1])
        of_both |= {
            "num_classes": self.num_classes,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "dtype": self.dtype_policy,
        }
        self.generator = generator(
            *(shape, self.latent_dim, self.w_dim, self.mapping_depth),
            **of_both,
            **of_generator,
            seed=2 * self.seed,
            name="generator",
        )
        self.discriminator = discriminator(
            shape,
            minibatch_group=self.minibatch_group,
            **of_both,
            **of_discriminator,
            seed=2 * self.seed + 1,
            name="discriminator",
        )

    @property
    def resolution(self) -> int:
        """Size of the images inside the networks: the smallest power of two that fits, at least 16."""
        return max(16, 1 << (max(self.image_shape[:2]) - 1).bit_length())

    @property
    def num_ws(self) -> int:
        """Number of styles per image."""
        return self.generator.synthesis.num_ws

    def _size(self):
        return self.resolution, self.resolution

    def training_parts(self) -> list[TrainingPart]:
        """Returns R1, unless its weight is 0; subclasses add to the list."""
        return [R1(self.r1_gamma, self.r1_interval)] if self.r1_gamma else []

    def _training_images(self, count, labels, stream):
        w, noise = self._training_styles(count, labels, stream)
        return self.generator.synthesis(w, noise=noise)

    def _training_styles(self, count, labels, stream):
        """w of new latents, some mixed from two latents, and noise for every layer."""
        first, second = (
            self.generator.mapping(self._training_normal([count, self.latent_dim], stream, part), labels)
            for part in (0, 1)
        )
        if stream == 0 and self.generator.mapping.trainable:
            self.generator.mapping.update_average(first[:, 0], labels)
        # The crossover is uniform, as in the paper; one past the last style means no mixing.
        place, chance = tf.unstack(self._training_uniform([2, count], stream, part=2))
        place = 1 + tf.cast(place * tf.cast(self.generator.synthesis.num_ws_in_use - 1, tf.float32), tf.int32)
        place = tf.where(chance < self.mixing_probability, place, self.num_ws)
        mixed = tf.range(self.num_ws)[None] >= place[:, None]
        w = tf.where(mixed[:, :, None], second, first)
        noise = [
            self._training_normal([count, *shape], stream, part=3 + k)
            for k, shape in enumerate(self.generator.synthesis.noise_shapes)
        ]
        return w, noise

    def _images_of(self, latents, labels):
        return self.generator(latents, labels)
