"""The discriminator of StyleGAN2 (Karras et al. 2020), as in the official PyTorch code of StyleGAN2-ADA.

Under the dtype policy mixed_bfloat16, the four highest resolutions compute in bfloat16.
"""

import math

import keras
import tensorflow as tf

from ..networks.part import Part
from .convolution import conv2d_down
from .layers import EqualizedConv2D, EqualizedDense, minibatch_stddev
from .mapping import MappingNetwork
from .resampling import downsample2d
from .resolutions import check_square, policy_at, seed_of_part
from .stylegan2_architecture import RESIDUAL_GAIN, check_architecture, shortcut, widths


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2DiscriminatorBlock")
class DiscriminatorBlock(Part):
    """The layers at one resolution, which halve it.

    Args:
      channels_in: channels of the input activations; 0 for the first block, which starts from the images.
      channels, channels_out: channels of the inner and of the output activations.
      colors: channels of the images.
      architecture: one of `ARCHITECTURES`.
      draw: generator of the seeds of the initial weights.
      clamp: clips activations to [-clamp, clamp]; None disables clipping.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        channels_out: int,
        colors: int,
        architecture: str,
        draw: keras.random.SeedGenerator | None = None,
        *,
        clamp: float | None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels, self.channels_out = channels_in, channels, channels_out
        self.colors, self.architecture, self.clamp = colors, architecture, clamp
        self.feeds_images = architecture == "skip"
        self.fromrgb = self.skip = None
        options = {"clamp": clamp, "dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            if not channels_in or self.feeds_images:
                self.fromrgb = EqualizedConv2D(colors, channels, 1, draw, **options, name="fromrgb")
            self.conv0 = EqualizedConv2D(channels, channels, 3, draw, **options, name="conv0")
            options["convolve"] = conv2d_down
            self.conv1 = EqualizedConv2D(channels, channels_out, 3, draw, **options, name="conv1")
            if architecture == "resnet":
                self.skip = shortcut(channels, channels_out, draw, conv2d_down, self.dtype_policy)
        self.built = True

    def call(self, x: tf.Tensor | None, image: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns activations and images of half the size.

        Args:
          x: `[N, r, r, channels_in]`, or None in the first block.
          image: `[N, r, r, colors]`; None after the first block, except for the architecture "skip".
        """
        x = None if x is None else tf.cast(x, self.compute_dtype)
        if self.fromrgb is not None:
            image = tf.cast(image, self.compute_dtype)
            y = self.fromrgb(image)
            x = y if x is None else x + y
        image = downsample2d(image) if self.feeds_images else None
        if self.skip is None:
            return self.conv1(self.conv0(x)), image
        y = self.conv1(self.conv0(x), gain=RESIDUAL_GAIN)
        return self.skip(x, gain=RESIDUAL_GAIN) + y, image


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2DiscriminatorEpilogue")
class DiscriminatorEpilogue(Part):
    """The layers at 4x4, which map activations, and images if the architecture is "skip", to vectors.

    Args:
      channels: channels of the activations.
      size_out: size of the vectors.
      colors, architecture, draw: see `DiscriminatorBlock`.
      minibatch_group, minibatch_channels: see `minibatch_stddev`; 0 channels disable it.
      clamp: clips the output of the convolution to [-clamp, clamp]; None disables clipping.
    """

    def __init__(
        self,
        channels: int,
        size_out: int,
        colors: int,
        architecture: str,
        draw: keras.random.SeedGenerator | None = None,
        *,
        minibatch_group: int,
        minibatch_channels: int,
        clamp: float | None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels, self.size_out, self.colors = channels, size_out, colors
        self.architecture, self.clamp = architecture, clamp
        self.minibatch_group, self.minibatch_channels = minibatch_group, minibatch_channels
        options = {"dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            self.fromrgb = None
            if architecture == "skip":
                self.fromrgb = EqualizedConv2D(colors, channels, 1, draw, **options, name="fromrgb")
            shape = (channels + minibatch_channels, channels, 3, draw)
            self.conv = EqualizedConv2D(*shape, clamp=clamp, **options, name="conv")
            self.fc = EqualizedDense(16 * channels, channels, draw, activate=True, **options, name="fc")
            self.out = EqualizedDense(channels, size_out, draw, **options, name="out")
        self.built = True

    def call(self, x: tf.Tensor, image: tf.Tensor | None, features: bool = False) -> tf.Tensor:
        """Returns vectors `[N, size_out]` or, with `features`, those before the last layer."""
        x = tf.cast(x, self.compute_dtype)
        if self.fromrgb is not None:
            x += self.fromrgb(tf.cast(image, self.compute_dtype))
        if self.minibatch_channels:
            # Features of an image do not depend on the rest of the batch.
            x = minibatch_stddev(x, 1 if features else self.minibatch_group, self.minibatch_channels)
        x = self.conv(x)
        h = self.fc(tf.reshape(x, [-1, self.fc.weight.shape[0]]))
        return h if features else self.out(h)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2Discriminator")
class Discriminator(Part):
    """Maps images, and labels if conditional, to logits of being real.

    A conditional discriminator maps the label to a vector; the logit is its scalar product with the vector of
    the image (Miyato & Koyama 2018).

    Args:
      image_shape: (R, R, C), R a power of 2 of at least 8.
      num_classes: number of classes, or 0.
      channel_base, channel_max, activation_clamp: see `Synthesis`.
      architecture: one of `ARCHITECTURES`.
      mapping_depth: number of layers that map labels.
      minibatch_group, minibatch_channels: see `minibatch_stddev`; 0 channels disable it.
      seed: integer for the initial weights.

    Raises:
      ValueError: invalid image_shape, channel_base or architecture.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.stylegan2_discriminator import Discriminator
    >>> discriminator = Discriminator((16, 16, 3), 0, channel_base=64, channel_max=8, seed=0)
    >>> discriminator(tf.zeros([4, 16, 16, 3])).shape
    TensorShape([4])
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        channel_base: int,
        channel_max: int,
        architecture: str = "resnet",
        mapping_depth: int = 8,
        minibatch_group: int = 4,
        minibatch_channels: int = 1,
        *,
        activation_clamp: float | None = None,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.num_classes = tuple(image_shape), num_classes
        self.channel_base, self.channel_max = channel_base, channel_max
        self.architecture, self.mapping_depth = architecture, mapping_depth
        self.minibatch_group, self.minibatch_channels = minibatch_group, minibatch_channels
        self.activation_clamp, self.seed = activation_clamp, seed
        resolution, colors = check_square(image_shape)
        check_architecture(architecture)
        draw = keras.random.SeedGenerator(seed_of_part(seed, 0))
        channels_at = widths(resolution, channel_base, channel_max)
        self.mapping = None
        self.blocks = []
        with keras.name_scope(self.name):
            for size in sorted(channels_at, reverse=True)[:-1]:
                channels_in = channels_at[size] if size < resolution else 0
                block = DiscriminatorBlock(
                    *(channels_in, channels_at[size], channels_at[size // 2], colors, architecture, draw),
                    clamp=activation_clamp,
                    dtype=policy_at(size, resolution, self.dtype_policy),
                    name=f"b{size}",
                )
                self.blocks.append(block)
            if num_classes:
                shape = (0, channels_at[4], None, mapping_depth, num_classes)
                options = {"dtype": self.dtype_policy, "name": "mapping"}
                self.mapping = MappingNetwork(*shape, seed=seed_of_part(seed, 1), **options)
            self.b4 = DiscriminatorEpilogue(
                *(channels_at[4], channels_at[4] if num_classes else 1, colors, architecture, draw),
                minibatch_group=minibatch_group,
                minibatch_channels=minibatch_channels,
                clamp=activation_clamp,
                dtype=policy_at(4, resolution, self.dtype_policy),
                name="b4",
            )
        self.built = True

    def call(self, images: tf.Tensor, labels: tf.Tensor | None = None, features: bool = False) -> tf.Tensor:
        """Returns logits, float32 `[N]`.

        Args:
          images: `[N, R, R, C]` in [-1, 1].
          labels: int `[N]`, of a conditional network.
          features: whether to return feature vectors `[N, F]` in place of logits, which need no labels.
        """
        x, image = None, images
        for block in self.blocks:
            x, image = block(x, image)
        y = self.b4(x, image, features=features)
        if features:
            return y
        if self.mapping is None:
            return y[:, 0]
        return tf.reduce_sum(y * self.mapping(None, labels), axis=1) / math.sqrt(y.shape[1])
