"""The generator of StyleGAN2 (Karras et al. 2020), as in the official PyTorch code of StyleGAN2-ADA.

Images are `[N, R, R, C]` in [-1, 1]. `named_weights` returns the weights by their official names. Kernels are
`[k, k, C_in, C_out]`, matrices `[in, out]`.

Under the dtype policy mixed_bfloat16, the four highest resolutions compute in bfloat16.
"""

from collections.abc import Sequence

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
    """The layers at one resolution.

    Args:
      channels_in: channels of the input activations; 0 for the first block, which starts from a learned
        constant.
      channels_out: channels of the output activations.
      w_dim: dimension of w.
      resolution: size of the output.
      colors: channels of the images.
      architecture: one of `ARCHITECTURES`.
      draw: generator of the seeds of the initial weights.
      is_last: whether this is the resolution of the images.
      clamp: clips activations to [-clamp, clamp]; None disables clipping.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        w_dim: int,
        resolution: int,
        colors: int,
        architecture: str,
        draw: keras.random.SeedGenerator | None = None,
        *,
        is_last: bool,
        clamp: float | None,
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
        """Number of w of the block. The w of `torgb` is also the first one of the next block."""
        return len(self.convs) + (self.torgb is not None)

    def call(
        self,
        x: tf.Tensor | None,
        image: tf.Tensor | None,
        ws: Sequence[tf.Tensor],
        noise: Sequence[tf.Tensor | None],
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns activations and image at this resolution.

        Args:
          x, image: those of the previous block; None in the first block.
          ws: `num_ws` tensors `[N, w_dim]`.
          noise: for each convolution `[N, R, R, 1]`, `[R, R, 1]` or None.
        """
        h = tf.convert_to_tensor(self.const)[None] if x is None else x
        h = tf.cast(h, self.compute_dtype)
        gain = 1.0 if self.skip is None else RESIDUAL_GAIN
        residual = None if self.skip is None else self.skip(h, gain=gain)
        for i, conv in enumerate(self.convs):
            h = conv(h, ws[i], noise[i], gain=gain if conv is self.conv1 else 1.0)
        if residual is not None:
            h += residual
        if image is not None:
            image = upsample2d(image)
        if self.torgb is not None:
            rgb = tf.cast(self.torgb(h, ws[-1]), self.variable_dtype)
            image = rgb if image is None else image + rgb
        return h, image


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGAN2Synthesis")
class Synthesis(StyleSynthesis):
    """Maps w to images, in blocks from 4x4 to the resolution with two convolutions each, one in the first.

    Args:
      resolution: R, a power of 2 of at least 8.
      channels: C of the images.
      w_dim: dimension of w.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels; channel_base is
        at least R.
      architecture: one of `ARCHITECTURES`.
      activation_clamp: clips activations to [-clamp, clamp]; None disables clipping. Official networks that
        were trained in float16 clip to 256 in every precision; bfloat16 does not need it.
      seed: integer for the initial weights and the stored noise.

    Attributes:
      num_ws: number of w per image.
      noise_shapes: shape (r, r, 1) of the noise of each convolution.
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
    """Maps latents to images: see `StyleGenerator`.

    Args:
      architecture, activation_clamp: see `Synthesis`.
      the others: see `StyleGenerator`.

    Raises:
      ValueError: invalid image_shape, channel_base or architecture.

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
