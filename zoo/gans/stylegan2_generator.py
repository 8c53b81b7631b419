"""The generator of StyleGAN2 (Karras et al. 2020), as the official PyTorch code of StyleGAN2-ADA has it.

Images are `[N, R, R, C]` from -1 to 1. `named_weights` gives the weights by their official names. Kernels are
`[k, k, C_in, C_out]`, matrices `[in, out]`.

Under the dtype policy mixed_bfloat16, the four highest resolutions compute in bfloat16.
"""

import keras
import tensorflow as tf

from ..networks.part import Part
from .convolution import conv2d_up
from .modulation import StyledConv2D, ToRGB
from .resampling import upsample2d
from .resolutions import policy_at
from .style_generator import StyleGenerator, StyleSynthesis
from .stylegan2_architecture import RESIDUAL_GAIN, check_architecture, shortcut, widths


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2SynthesisBlock")
class SynthesisBlock(Part):
    """The layers of a resolution.

    Args:
      channels_in: of the activations before; 0: the first block, which starts from a learned constant.
      channels_out: of the activations.
      w_dim: of w.
      resolution: of the output.
      colors: channels of the images.
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
        colors,
        architecture,
        draw=None,
        *,
        is_last,
        clamp,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.w_dim = channels_in, channels_out, w_dim
        self.resolution, self.colors = resolution, colors
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
                self.torgb = ToRGB(channels_out, colors, w_dim, draw, **options, name="torgb")
            if channels_in and architecture == "resnet":
                self.skip = shortcut(channels_in, channels_out, draw, conv2d_up, self.dtype_policy)
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
            around = self.skip(x, gain=gain)
        for i, conv in enumerate(self.convs):
            x = conv(x, ws[i], noise[i], gain=gain if conv is self.conv1 else 1.0)
        if self.skip is not None:
            x += around
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
        check_architecture(architecture)
        channels_at = widths(resolution, channel_base, channel_max)
        self.w_dim = w_dim
        draw = keras.random.SeedGenerator(seed)
        channels_in = 0
        self.blocks = []
        with keras.name_scope(self.name):
            for size, channels_out in channels_at.items():
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
class Generator(StyleGenerator):
    """Images of latents: see `StyleGenerator`.

    Args:
      architecture, activation_clamp: see `Synthesis`.
      the others: as `StyleGenerator`'s.

    Raises:
      ValueError: image_shape, channel_base or architecture is none of these.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.stylegan2_generator import Generator
    >>> generator = Generator((16, 16, 3), 8, 8, 2, 0, channel_base=64, channel_max=8, seed=0)
    >>> generator(tf.zeros([2, 8]), truncation=0.7).shape
    TensorShape([2, 16, 16, 3])
    """

    synthesis_class = Synthesis

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
        sizes = (image_shape, z_dim, w_dim, mapping_depth, num_classes, channel_base, channel_max)
        options = {"architecture": architecture, "activation_clamp": activation_clamp}
        super().__init__(*sizes, seed, options, **kwargs)
        self.architecture, self.activation_clamp = architecture, activation_clamp
