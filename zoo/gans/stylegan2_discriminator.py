"""The discriminator of StyleGAN2 (Karras et al. 2020), as the official PyTorch code of StyleGAN2-ADA has it.

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
    """The layers of a resolution, which halve it.

    Args:
      channels_in: of the activations before; 0: the first block, which starts from the images.
      channels, channels_out: of the activations inside and after.
      colors: channels of the images.
      architecture: one of `ARCHITECTURES`.
      draw: a `keras.random.SeedGenerator`.
      clamp: activations are cut to [-clamp, clamp]; or None.
    """

    def __init__(
        self, channels_in, channels, channels_out, colors, architecture, draw=None, *, clamp, **kwargs
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

    def call(self, x, image):
        """Activations, None in the first block, and images; both of half the size, or None for images."""
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
    """What the discriminator does at 4x4: activations, and images if it is fed them, to vectors.

    Args:
      channels: of the activations.
      size_out: of the vectors.
      colors, architecture, draw: as the blocks'.
      minibatch_group, minibatch_channels: see `minibatch_stddev`; 0 channels: none.
      clamp: of the convolution.
    """

    def __init__(
        self,
        channels,
        size_out,
        colors,
        architecture,
        draw=None,
        *,
        minibatch_group,
        minibatch_channels,
        clamp,
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

    def call(self, x, image, features=False):
        x = tf.cast(x, self.compute_dtype)
        if self.fromrgb is not None:
            x += self.fromrgb(tf.cast(image, self.compute_dtype))
        if self.minibatch_channels:
            # Features of an image do not depend on those beside it.
            x = minibatch_stddev(x, 1 if features else self.minibatch_group, self.minibatch_channels)
        x = self.conv(x)
        h = self.fc(tf.reshape(x, [-1, self.fc.weight.shape[0]]))
        return h if features else self.out(h)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2Discriminator")
class Discriminator(Part):
    """Logits of images: how real they look; with classes, how real for an image of the label.

    A conditional one maps the label to a vector and takes the scalar product with the image's vector
    (Miyato & Koyama 2018).

    Args:
      image_shape: (R, R, C), R a power of 2 from 8 on.
      num_classes: 0, or the number of classes.
      channel_base, channel_max, activation_clamp: see `Synthesis`.
      architecture: one of `ARCHITECTURES`.
      mapping_depth: layers of the network that maps labels.
      minibatch_group, minibatch_channels: see `minibatch_stddev`; 0 channels: none.
      seed: integer, of the initial weights.

    Raises:
      ValueError: image_shape, channel_base or architecture is none of these.

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

    def call(self, images, labels=None, features=False):
        """`images [N, R, R, C]` from -1 to 1, `labels` int `[N]`; float32 `[N]`.

        Args:
          features: vectors `[N, F]` of the images in place of logits, for other models; no labels.
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
