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
    """Adaptive instance normalization, noise in each layer, progressive growing.

        AdaIN(x, y) = y_s (x - mean(x)) / deviation(x) + y_b,  [y_s, y_b] affine in w = f(z)           (eq. 1)

    The networks reproduce the official code exactly. Training follows its configuration F: the logistic loss,
    R1 in every step, style mixing, and a moving average of the generator.

    Both networks start at `first_resolution` and double it repeatedly: they train for `steady_images`, then
    the next resolution fades in over `fade_images`. The level of detail is saved with the weights: a model
    whose training ended early samples at that level, and another training continues from it.

    Resolution r has min(channel_base / r, channel_max) channels.

    Args:
      image_shape: (H, W, C), H and W up to 1024, C 1, 3 or 4. The networks pad images with black to a square
        of the next power of two; images of the model are cropped.
      latent_dim, w_dim: dimensions of z and w.
      mapping_depth: number of layers of the mapping network.
      channel_base, channel_max: the official code's 16384 (its fmap_base is half of that) and 512.
      minibatch_group: number of images over which the discriminator computes the standard deviation; 1: none.
      num_classes: number of classes that both networks are conditioned on, or 0.
      r1_gamma: weight of R1.
      r1_interval: number of steps between R1 steps; with 1, every step includes R1.
      mixing_probability: probability that a training image has styles of two latents.
      use_noise: whether the noise strengths are trained; if not, they stay 0 (table 1 has both).
      progressive: whether the networks grow during training.
      first_resolution: initial resolution of growing networks, a power of 2 of at least 4.
      steady_images, fade_images: number of training images before and during each doubling.
      seed: integer for the initial weights and the random numbers in training.
      dtype: Keras dtype policy of the networks. "mixed_bfloat16" applies to the four highest resolutions.

    Raises:
      ValueError: invalid argument.

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
        """Number of times training doubles the resolution."""
        return int(math.log2(self.resolution // self.first_resolution)) if self.progressive else 0

    @property
    def lod(self) -> float:
        """Number of remaining doublings, fractional while a resolution fades in."""
        lod = self.generator.synthesis.lod
        return 0.0 if lod is None else float(lod.numpy())

    # Training.

    def training_parts(self) -> list[TrainingPart]:
        """Returns R1 and, for growing networks, progressive growing."""
        parts = super().training_parts()
        if self.doublings:
            networks = self.generator.synthesis, self.discriminator
            parts.append(Growing(networks, self.doublings, self.steady_images, self.fade_images))
        return parts

    def fit(self, *args, **kwargs) -> keras.callbacks.History:
        """Trains as `AdversarialModel.fit`; warns if the networks have not fully grown at the end."""
        history = super().fit(*args, **kwargs)
        if self.lod > 0:
            whole = self.doublings * (self.steady_images + self.fade_images)
            warnings.warn(
                f"{self.name} has {self.lod:.4g} doublings of its resolution left "
                f"after {int(self._training.images)} images of this training: growing takes {whole}.",
                stacklevel=2,
            )
        return history


def _check_first_resolution(first_resolution, resolution):
    first = check_count("first_resolution", first_resolution, 4, resolution)
    if first & (first - 1):
        raise ValueError(f"first_resolution is {first}, expected a power of 2 from 4 to {resolution}.")
    return first
