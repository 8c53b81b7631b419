"""StyleGAN2 (Karras et al. 2020a), and its training on little data, ADA (Karras et al. 2020b)."""

import keras

from ..checks import check_choice, check_count, check_number
from ..deprecation import old_name
from .ada import AdaptiveAugmentation
from .augment import Augment
from .path_length import PathLength
from .style_model import StyleModel
from .stylegan2_architecture import ARCHITECTURES
from .stylegan2_discriminator import Discriminator
from .stylegan2_generator import Generator
from .training_part import TrainingPart


@keras.saving.register_keras_serializable(package="latentzoo")
class StyleGAN2(StyleModel):
    """Modulated convolutions, path length regularization, adaptive discriminator augmentation.

    The networks reproduce the official code (stylegan2-ada) exactly: weights of its pickles can be imported
    (`latentzoo import`). Training follows it as well: the logistic loss, R1 every `r1_interval` steps, path
    lengths every `path_length_interval` steps, style mixing, and a moving average of the generator.

        length = |J_w^T y| for random images y;  L_path = weight * E (length - running mean)^2        (eq. 4)

    Resolution r has min(channel_base / r, channel_max) channels.

    Args:
      image_shape: (H, W, C), H and W up to 1024, C 1, 3 or 4. The networks pad images with black to a square
        of the next power of two; images of the model are cropped.
      latent_dim, w_dim: dimensions of z and w.
      mapping_depth: number of layers of the mapping network; 2 for small images.
      channel_base, channel_max: the official code's 16384 (32768 for 1024x1024) and 512.
      architecture: architecture of the generator, "skip", "resnet" or "orig" (neither).
      discriminator_architecture: that of the discriminator. The default is the paper's choice.
      discriminator_mapping_depth: number of layers that map its labels; None: `mapping_depth`.
      minibatch_group, minibatch_channels: number of images over which the discriminator computes the standard
        deviation, and number of channels for it; 0 channels: none.
      activation_clamp: largest absolute value of activations, 256 in the official code; None: no limit.
      num_classes: number of classes that both networks are conditioned on, or 0.
      r1_gamma: weight of R1; None: 0.0002 * resolution^2 / 16, the official code's for batches of 16.
      r1_interval, path_length_interval: number of steps between the steps of each regularization.
      path_length_weight: weight of the path length regularization; 0 disables it.
      mixing_probability: probability that a training image has styles of two latents.
      augment: "none" or "ada".
      ada_target: value that E sign D(x) of real images is kept at.
      ada_images: number of images in which the probability of augmentation can rise from 0 to 1.
      seed: integer for the initial weights and the random numbers in training.
      dtype: Keras dtype policy of the networks. "mixed_bfloat16" applies to the four highest resolutions.

    Raises:
      ValueError: invalid argument.

    >>> import numpy as np
    >>> from latentzoo.zoo.gans import StyleGAN2
    >>> model = StyleGAN2(
    ...     image_shape=(16, 16, 3), latent_dim=8, w_dim=8, mapping_depth=2, channel_base=64, channel_max=8
    ... )
    >>> w = model.mapping(np.zeros([2, 8], np.float32) + 1, truncation=0.7)
    >>> w.shape, model.synthesis(w, noise="const").shape
    (TensorShape([2, 6, 8]), TensorShape([2, 16, 16, 3]))
    """

    augment_kind = old_name("augment_kind", "augment")

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        latent_dim: int = 512,
        w_dim: int = 512,
        mapping_depth: int = 8,
        channel_base: int = 16384,
        channel_max: int = 512,
        architecture: str = "skip",
        discriminator_architecture: str = "resnet",
        discriminator_mapping_depth: int | None = None,
        minibatch_group: int = 4,
        minibatch_channels: int = 1,
        activation_clamp: float | None = None,
        num_classes: int = 0,
        r1_gamma: float | None = None,
        r1_interval: int = 16,
        path_length_weight: float = 2.0,
        path_length_interval: int = 4,
        mixing_probability: float = 0.9,
        augment: str = "none",
        ada_target: float = 0.6,
        ada_images: int = 500_000,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(
            image_shape,
            latent_dim,
            num_classes,
            seed,
            w_dim=w_dim,
            mapping_depth=mapping_depth,
            channel_base=channel_base,
            channel_max=channel_max,
            minibatch_group=minibatch_group,
            r1_gamma=0.0 if r1_gamma is None else r1_gamma,
            r1_interval=r1_interval,
            mixing_probability=mixing_probability,
            **kwargs,
        )
        if r1_gamma is None:
            self.r1_gamma = 0.0002 * self.resolution**2 / 16
        self.architecture = check_choice("architecture", architecture, ARCHITECTURES)
        self.discriminator_architecture = check_choice(
            "discriminator_architecture", discriminator_architecture, ARCHITECTURES
        )
        if discriminator_mapping_depth is not None:
            check_count("discriminator_mapping_depth", discriminator_mapping_depth, 0)
        self.discriminator_mapping_depth = discriminator_mapping_depth
        self.minibatch_channels = check_count("minibatch_channels", minibatch_channels, 0)
        if activation_clamp is not None:
            check_number("activation_clamp", activation_clamp, 0)
        self.activation_clamp = activation_clamp
        self.path_length_weight = check_number("path_length_weight", path_length_weight, 0)
        self.path_length_interval = check_count("path_length_interval", path_length_interval, 1)
        self.augment = check_choice("augment", augment, ("none", "ada"))
        self.ada_target = check_number("ada_target", ada_target, -1)
        self.ada_images = check_count("ada_images", ada_images, 1)
        depth = self.mapping_depth if discriminator_mapping_depth is None else discriminator_mapping_depth
        of_discriminator = {
            "architecture": self.discriminator_architecture,
            "mapping_depth": depth,
            "minibatch_channels": self.minibatch_channels,
        }
        self._make_networks(
            *(Generator, Discriminator, {"architecture": self.architecture}, of_discriminator),
            activation_clamp=self.activation_clamp,
        )
        self.augmentation = Augment(name="augment") if self.augment == "ada" else None
        self.built = True

    def training_parts(self) -> list[TrainingPart]:
        """Returns R1, path length regularization and adaptive augmentation, if enabled."""
        parts = super().training_parts()
        if self.path_length_weight:
            parts.append(PathLength(self.path_length_weight, self.path_length_interval))
        if self.augmentation is not None:
            parts.append(AdaptiveAugmentation(self.augmentation, self.ada_target, self.ada_images))
        return parts
