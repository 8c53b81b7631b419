"""StyleGAN (Karras et al. 2019)."""

import math
import warnings

import keras

from ..checks import check_count
from .growing import Growing
from .style_model import StyleModel
from .stylegan_discriminator import Discriminator
from .stylegan_generator import Generator
from .training_part import TrainingPart


@keras.saving.register_keras_serializable(package="latentzoo")
class StyleGAN(StyleModel):
    """Adaptive instance normalization, noise for each channel, progressive growing.

        AdaIN(x, y) = y_s (x - mean(x)) / deviation(x) + y_b,  [y_s, y_b] affine in w = f(z)           (eq. 1)

    The networks are those of the official code, number for number. Training is its configuration F: the
    logistic loss, R1 in every step, style mixing, a moving average of the generator.

    Both networks start at `first_resolution` and double it: for `steady_images` they train as they are, then
    for `fade_images` the next resolution fades in, and so on. They remember how far they are: a model whose
    training ended before makes images of as much detail, and goes on from there.

    Channels of a resolution r are min(channel_base / r, channel_max).

    Args:
      image_shape: (H, W, C), up to 1024 high and wide, C of 1, 3 or 4. The networks work on squares of the
        next power of two, in a black frame; the model's images are without it.
      latent_dim, w_dim: of z and w.
      mapping_depth: layers of the mapping network.
      channel_base, channel_max: the official code's 16384 (its fmap_base is half of that) and 512.
      minibatch_group: images over which the discriminator compares their spread; 1: it does not.
      num_classes: 0, or the number of classes that both networks are conditioned on.
      r1_gamma: weight of R1.
      r1_interval: steps between those of R1; 1: a part of every step.
      mixing_probability: of a training image to have styles of two latents.
      use_noise: whether training may give the noise a strength; False: it stays 0 (table 1 has both).
      progressive: whether the networks grow in training.
      first_resolution: of the growing networks, a power of 2 from 4 on.
      steady_images, fade_images: of training, before and during each doubling.
      seed: integer, of the initial weights and of the random numbers in training.
      dtype: Keras dtype policy of the networks, "mixed_bfloat16" included: of the four highest resolutions.

    Raises:
      ValueError: an argument of a wrong value.

    >>> import numpy as np
    >>> from latentzoo.zoo.gans import StyleGAN
    >>> model = StyleGAN(
    ...     image_shape=(16, 16, 3), latent_dim=8, w_dim=8, mapping_depth=2, channel_base=64, channel_max=8
    ... )
    >>> w = model.mapping(np.zeros([2, 8], np.float32) + 1, truncation=0.7)
    >>> w.shape, model.synthesis(w, noise="const").shape
    (TensorShape([2, 6, 8]), TensorShape([2, 16, 16, 3]))
    >>> model.lod  # 8x8 at first, 16x16 after a doubling
    1.0
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        latent_dim: int = 512,
        w_dim: int = 512,
        mapping_depth: int = 8,
        channel_base: int = 16384,
        channel_max: int = 512,
        minibatch_group: int = 4,
        num_classes: int = 0,
        r1_gamma: float = 10.0,
        r1_interval: int = 1,
        mixing_probability: float = 0.9,
        use_noise: bool = True,
        progressive: bool = True,
        first_resolution: int = 8,
        steady_images: int = 600_000,
        fade_images: int = 600_000,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(
            image_shape,
            latent_dim,
            num_classes,
            seed,
            w_dim=w_dim,
            mapping_depth=check_count("mapping_depth", mapping_depth, 1),
            channel_base=channel_base,
            channel_max=channel_max,
            minibatch_group=minibatch_group,
            r1_gamma=r1_gamma,
            r1_interval=r1_interval,
            mixing_probability=mixing_probability,
            **kwargs,
        )
        self.use_noise = bool(use_noise)
        self.progressive = bool(progressive)
        self.first_resolution = _check_first_resolution(first_resolution, self.resolution)
        self.steady_images = check_count("steady_images", steady_images, 0)
        self.fade_images = check_count("fade_images", fade_images, 0)
        if not self.steady_images + self.fade_images:
            raise ValueError("steady_images and fade_images are 0, expected at least 1 image in all.")
        self._make_networks(Generator, Discriminator, {}, {}, doublings=self.doublings)
        for conv in self.generator.synthesis.convs:
            conv.noise.trainable = self.use_noise
        self.built = True

    @property
    def doublings(self) -> int:
        """How often training doubles the resolution."""
        return int(math.log2(self.resolution // self.first_resolution)) if self.progressive else 0

    @property
    def lod(self) -> float:
        """How many doublings are still to come, with a part of one while a resolution fades in."""
        lod = self.generator.synthesis.lod
        return 0.0 if lod is None else float(lod.numpy())

    # Training.

    def training_parts(self) -> list[TrainingPart]:
        """R1 and, if the networks grow, growing."""
        parts = super().training_parts()
        if self.doublings:
            networks = self.generator.synthesis, self.discriminator
            parts.append(Growing(networks, self.doublings, self.steady_images, self.fade_images))
        return parts

    def fit(self, *args, **kwargs):
        """`AdversarialModel.fit`; warns if the networks are not yet grown at its end."""
        history = super().fit(*args, **kwargs)
        if self.lod > 0:
            whole = self.doublings * (self.steady_images + self.fade_images)
            warnings.warn(
                f"{self.name} has {self.lod:.4g} doublings of its resolution still to come "
                f"after {int(self._state.images)} images of this training: growing takes {whole}.",
                stacklevel=2,
            )
        return history


def _check_first_resolution(first_resolution, resolution):
    first = check_count("first_resolution", first_resolution, 4, resolution)
    if first & (first - 1):
        raise ValueError(f"first_resolution is {first}, expected a power of 2 from 4 to {resolution}.")
    return first
