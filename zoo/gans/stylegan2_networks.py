"""The networks of StyleGAN2 (Karras et al. 2020), as the official PyTorch code of StyleGAN2-ADA has them.

Images are `[N, R, R, C]` from -1 to 1. `named_weights` gives the weights by their official names. Kernels are
`[k, k, C_in, C_out]`, matrices `[in, out]`.

Architectures (figure 7 of the paper): "skip" adds up RGB images of all resolutions, or feeds them; "resnet"
has a residual connection around each block; "orig" neither.

Under the dtype policy mixed_bfloat16, the four highest resolutions compute in bfloat16.
"""

import math

import keras
import tensorflow as tf

from ..networks.part import Part
from .convolution import conv2d_down, conv2d_up
from .layers import EqualizedConv2D, EqualizedDense, minibatch_stddev
from .mapping import MappingNetwork
from .modulation import StyledConv2D, ToRGB
from .resampling import downsample2d, upsample2d
from .resolutions import check_square, policy_at, seed_of_part
from .synthesis import StyleSynthesis

ARCHITECTURES = ("skip", "resnet", "orig")

# Of the two branches of a residual block, to keep the variance.
RESIDUAL_GAIN = math.sqrt(0.5)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2SynthesisBlock")
class SynthesisBlock(Part):
    """The layers of a resolution.

    Args:
      channels_in: of the activations before; 0: the first block, which starts from a learned constant.
      channels_out: of the activations.
      w_dim: of w.
      resolution: of the output.
      colours: channels of the images.
      architecture: one of `ARCHITECTURES`.
      draw: a `keras.random.SeedGenerator`.
      is_last: whether the images are of this resolution.
      clamp: activations are cut to [-clamp, clamp]; or None.
    """

    def __init__(
        self,
        channels_in,
        channels_out,
        w_dim,
        resolution,
        colours,
        architecture,
        draw=None,
        *,
        is_last,
        clamp,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.w_dim = channels_in, channels_out, w_dim
        self.resolution, self.colours = resolution, colours
        self.architecture, self.is_last, self.clamp = architecture, is_last, clamp
        self.const = self.conv0 = self.skip = self.torgb = None
        options = {"clamp": clamp, "dtype": self.dtype_policy}
        if not channels_in:
            normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
            shape = (resolution, resolution, channels_out)
            self.const = self.add_weight(shape=shape, initializer=normal, autocast=False, name="const")
        with keras.name_scope(self.name):
            if channels_in:
                shape = (channels_in, channels_out, w_dim, resolution, draw)
                self.conv0 = StyledConv2D(*shape, up=True, **options, name="conv0")
            shape = (channels_out, channels_out, w_dim, resolution, draw)
            self.conv1 = StyledConv2D(*shape, **options, name="conv1")
            if is_last or architecture == "skip":
                self.torgb = ToRGB(channels_out, colours, w_dim, draw, **options, name="torgb")
            if channels_in and architecture == "resnet":
                self.skip = _linear(channels_in, channels_out, draw, conv2d_up, self.dtype_policy)
        self.convs = [conv for conv in (self.conv0, self.conv1) if conv is not None]
        self.built = True

    @property
    def num_ws(self) -> int:
        """How many w it takes; the last one, if for `torgb`, is also the next block's first."""
        return len(self.convs) + (self.torgb is not None)

    def call(self, x, image, ws, noise):
        """Activations and image of the resolution below, None in the first block; both of this one.

        Args:
          ws: `num_ws` tensors `[N, w_dim]`.
          noise: of each convolution, `[N, R, R, 1]`, `[R, R, 1]` or None.
        """
        x = tf.convert_to_tensor(self.const)[None] if x is None else x
        x = tf.cast(x, self.compute_dtype)
        gain = 1.0
        if self.skip is not None:
            gain = RESIDUAL_GAIN
            shortcut = self.skip(x, gain=gain)
        for i, conv in enumerate(self.convs):
            x = conv(x, ws[i], noise[i], gain=gain if conv is self.conv1 else 1.0)
        if self.skip is not None:
            x += shortcut
        if image is not None:
            image = upsample2d(image)
        if self.torgb is not None:
            rgb = tf.cast(self.torgb(x, ws[-1]), self.variable_dtype)
            image = rgb if image is None else image + rgb
        return x, image


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2Synthesis")
class Synthesis(StyleSynthesis):
    """Images of w, in blocks from 4x4 to the resolution, with two convolutions each, the first with one.

    Args:
      resolution: R, a power of 2 from 8 on.
      channels: C of the images.
      w_dim: of w.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels; channel_base is
        at least the resolution.
      architecture: one of `ARCHITECTURES`.
      activation_clamp: activations are cut to [-clamp, clamp]; None: they are not. Official networks that
        were trained in float16 are cut to 256, in every precision; bfloat16 has no need of it.
      seed: integer, of the initial weights and the constant noise.

    Attributes:
      num_ws: how many w an image takes.
      noise_shapes: (r, r, 1) of each noise.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        w_dim: int,
        channel_base: int,
        channel_max: int,
        architecture: str = "skip",
        *,
        activation_clamp: float | None = None,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.resolution, self.channels = resolution, channels
        self.channel_base, self.channel_max = channel_base, channel_max
        self.architecture, self.activation_clamp, self.seed = architecture, activation_clamp, seed
        _check_architecture(architecture)
        widths = _widths(resolution, channel_base, channel_max)
        self.w_dim = w_dim
        draw = keras.random.SeedGenerator(seed)
        channels_in = 0
        self.blocks = []
        with keras.name_scope(self.name):
            for size, channels_out in widths.items():
                block = SynthesisBlock(
                    *(channels_in, channels_out, w_dim, size, channels, architecture, draw),
                    is_last=size == resolution,
                    clamp=activation_clamp,
                    dtype=policy_at(size, resolution, self.dtype_policy),
                    name=f"b{size}",
                )
                self.blocks.append(block)
                channels_in = channels_out
        self.num_ws = sum(len(block.convs) for block in self.blocks) + 1
        self.built = True

    def _images(self, ws, noise):
        x = image = None
        first = 0
        for block in self.blocks:
            end = first + len(block.convs)
            x, image = block(x, image, ws[first : first + block.num_ws], noise[first:end])
            first = end
        return image


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2Generator")
class Generator(Part):
    """Images of latents: `synthesis(mapping(z, labels))`.

    Args:
      image_shape: (R, R, C), R a power of 2 from 8 on.
      z_dim, w_dim: of the latents z and w.
      mapping_depth: layers of the mapping network.
      num_classes: 0, or the number of classes.
      channel_base, channel_max, architecture, activation_clamp: see `Synthesis`.
      seed: integer, of the initial weights.

    Attributes:
      mapping, synthesis: the two networks.

    Raises:
      ValueError: image_shape, channel_base or architecture is none of these.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.stylegan2_networks import Generator
    >>> generator = Generator((16, 16, 3), 8, 8, 2, 0, channel_base=64, channel_max=8, seed=0)
    >>> generator(tf.zeros([2, 8]), truncation=0.7).shape
    TensorShape([2, 16, 16, 3])
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        z_dim: int,
        w_dim: int,
        mapping_depth: int,
        num_classes: int,
        channel_base: int,
        channel_max: int,
        architecture: str = "skip",
        *,
        activation_clamp: float | None = None,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.z_dim, self.w_dim = tuple(image_shape), z_dim, w_dim
        self.mapping_depth, self.num_classes = mapping_depth, num_classes
        self.channel_base, self.channel_max = channel_base, channel_max
        self.architecture, self.activation_clamp, self.seed = architecture, activation_clamp, seed
        resolution, channels = check_square(image_shape)
        # The two networks draw from streams of their own.
        options = {"dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            self.synthesis = Synthesis(
                *(resolution, channels, w_dim, channel_base, channel_max, architecture),
                activation_clamp=activation_clamp,
                seed=seed_of_part(seed, 0),
                name="synthesis",
                **options,
            )
            shape = (z_dim, w_dim, self.synthesis.num_ws, mapping_depth, num_classes)
            self.mapping = MappingNetwork(*shape, seed=seed_of_part(seed, 1), name="mapping", **options)
        self.built = True

    def call(self, z, labels=None, truncation=1.0, cutoff=None, noise="const"):
        """The arguments are those of `MappingNetwork.call` and `Synthesis.call`."""
        w = self.mapping(z, labels, truncation=truncation, cutoff=cutoff)
        return self.synthesis(w, noise=noise)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2DiscriminatorBlock")
class DiscriminatorBlock(Part):
    """The layers of a resolution, which halve it.

    Args:
      channels_in: of the activations before; 0: the first block, which starts from the images.
      channels, channels_out: of the activations inside and after.
      colours: channels of the images.
      architecture: one of `ARCHITECTURES`.
      draw: a `keras.random.SeedGenerator`.
      clamp: activations are cut to [-clamp, clamp]; or None.
    """

    def __init__(
        self, channels_in, channels, channels_out, colours, architecture, draw=None, *, clamp, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels, self.channels_out = channels_in, channels, channels_out
        self.colours, self.architecture, self.clamp = colours, architecture, clamp
        self.feeds_images = architecture == "skip"
        self.fromrgb = self.skip = None
        options = {"clamp": clamp, "dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            if not channels_in or self.feeds_images:
                self.fromrgb = EqualizedConv2D(colours, channels, 1, draw, **options, name="fromrgb")
            self.conv0 = EqualizedConv2D(channels, channels, 3, draw, **options, name="conv0")
            options["convolve"] = conv2d_down
            self.conv1 = EqualizedConv2D(channels, channels_out, 3, draw, **options, name="conv1")
            if architecture == "resnet":
                self.skip = _linear(channels, channels_out, draw, conv2d_down, self.dtype_policy)
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
      colours, architecture, draw: as the blocks'.
      minibatch_group, minibatch_channels: see `minibatch_stddev`; 0 channels: none.
      clamp: of the convolution.
    """

    def __init__(
        self,
        channels,
        size_out,
        colours,
        architecture,
        draw=None,
        *,
        minibatch_group,
        minibatch_channels,
        clamp,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels, self.size_out, self.colours = channels, size_out, colours
        self.architecture, self.clamp = architecture, clamp
        self.minibatch_group, self.minibatch_channels = minibatch_group, minibatch_channels
        options = {"dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            self.fromrgb = None
            if architecture == "skip":
                self.fromrgb = EqualizedConv2D(colours, channels, 1, draw, **options, name="fromrgb")
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
    >>> from latentzoo.zoo.gans.stylegan2_networks import Discriminator
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
        resolution, colours = check_square(image_shape)
        _check_architecture(architecture)
        draw = keras.random.SeedGenerator(seed_of_part(seed, 0))
        widths = _widths(resolution, channel_base, channel_max)
        self.mapping = None
        self.blocks = []
        with keras.name_scope(self.name):
            for size in sorted(widths, reverse=True)[:-1]:
                channels_in = widths[size] if size < resolution else 0
                block = DiscriminatorBlock(
                    *(channels_in, widths[size], widths[size // 2], colours, architecture, draw),
                    clamp=activation_clamp,
                    dtype=policy_at(size, resolution, self.dtype_policy),
                    name=f"b{size}",
                )
                self.blocks.append(block)
            if num_classes:
                shape = (0, widths[4], None, mapping_depth, num_classes)
                options = {"dtype": self.dtype_policy, "name": "mapping"}
                self.mapping = MappingNetwork(*shape, seed=seed_of_part(seed, 1), **options)
            self.b4 = DiscriminatorEpilogue(
                *(widths[4], widths[4] if num_classes else 1, colours, architecture, draw),
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


def _linear(channels_in, channels_out, draw, convolve, dtype):
    """The shortcut of a residual block."""
    options = {"convolve": convolve, "activate": False, "use_bias": False, "dtype": dtype, "name": "skip"}
    return EqualizedConv2D(channels_in, channels_out, 1, draw, **options)


def _widths(resolution, channel_base, channel_max):
    """The channels of each resolution from 4 on."""
    if channel_base < resolution:
        raise ValueError(f"channel_base is {channel_base}, expected at least the resolution, {resolution}.")
    return {2**i: min(channel_base // 2**i, channel_max) for i in range(2, resolution.bit_length())}


def _check_architecture(architecture):
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}, expected one of {', '.join(ARCHITECTURES)}.")
