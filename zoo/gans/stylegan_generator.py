"""The generator of the first StyleGAN (Karras et al. 2019), as in the official TensorFlow code.

Images are `[N, R, R, C]` in [-1, 1]. `named_weights` returns the weights of both networks by their official
names, with these differences at resolutions r:

    official                      here
    dlatent_avg                   mapping.w_avg; `[K, w_dim]` with K classes, imported with equal rows
    mapping/LabelConcat/weight    mapping.LabelConcat
    synthesis/noise{i}            noise_const of layer i, 4x4.Const the first: [r, r] for [1, 1, r, r]
    synthesis/4x4/Const/const     [4, 4, C] for [1, C, 4, 4]
    synthesis/rxr/Conv0_up/weight from 128x128 on flipped along both axes: the fused official code computes a
                                  convolution there, and a correlation at lower resolutions
    4x4/Dense0/weight             of the discriminator; rows in the order of NHWC, officially NCHW

All else is the same, with "." for "/": kernels `[k, k, C_in, C_out]`, matrices `[in, out]`. A network that
does not grow has no `lod`, and only the ToRGB and FromRGB of lod0.

Under the dtype policy mixed_bfloat16, the four highest resolutions compute in bfloat16.
"""

import functools
from collections.abc import Sequence

import keras
import tensorflow as tf

from ..networks.part import Part
from .box_resampling import conv2d_up, upscale2d
from .convolution import conv2d
from .layers import EqualizedConv2D, EqualizedDense, add_bias, leaky_relu
from .level_of_detail import add_lod, lerp, lod_name, only_if
from .mapping import MappingNetwork
from .resolutions import policy_at, resolutions
from .style_generator import StyleGenerator, StyleSynthesis
from .stylegan_layers import EPSILON, HeDense, Noise, adain, he_scaled


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANMapping")
class Mapping(MappingNetwork):
    """w = f(z, label): fully connected layers with leaky ReLU (section 2).

        x = normalize([z, embed(label)]);  x = leaky ReLU(sqrt(2 / n) m W x + m b) in each layer of n inputs

    where normalize(x) = x / sqrt(mean x^2 + 1e-8). It always computes in float32, whatever the dtype policy.

    Args:
      z_dim: dimension of z and of the label embedding, at least 1.
      w_dim: dimension of w and of the hidden layers.
      the others: see `MappingNetwork`.
    """

    def _make_layers(self, w_dim, depth, lr_multiplier, draw):
        self.embedding = None
        if self.num_classes:
            normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
            self.embedding = self.add_weight(
                shape=(self.num_classes, self.z_dim), initializer=normal, name="LabelConcat"
            )
        sizes = [2 * self.z_dim if self.num_classes else self.z_dim] + [w_dim] * depth
        options = {"lr_multiplier": lr_multiplier, "dtype": self.variable_dtype}
        with keras.name_scope(self.name):
            self.layers = [
                HeDense(a, b, draw, **options, name=f"Dense{i}")
                for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False))
            ]

    def call(
        self,
        z: tf.Tensor,
        labels: tf.Tensor | None = None,
        truncation: float | tf.Tensor = 1.0,
        cutoff: int | None = None,
    ) -> tf.Tensor:
        """Returns the w of latents: see `MappingNetwork.call`."""
        w = tf.cast(z, self.variable_dtype)
        if self.embedding is not None:
            if labels is None:
                raise ValueError(f"labels are missing, expected integers below {self.num_classes}.")
            one_hot = tf.one_hot(tf.cast(labels, tf.int32), self.num_classes, dtype=self.variable_dtype)
            w = tf.concat([w, tf.matmul(one_hot, self.embedding)], axis=1)
        w *= tf.math.rsqrt(tf.reduce_mean(w**2, axis=1, keepdims=True) + EPSILON)
        for layer in self.layers:
            w = layer(w)
        return self.truncate(tf.repeat(w[:, None], self.num_ws, axis=1), labels, truncation, cutoff)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANSynthesisLayer")
class SynthesisLayer(Part):
    """Noise, bias, leaky ReLU and AdaIN after a convolution or a learned constant (figure 1b).

        y = leaky ReLU(conv(x) + B noise + b);  AdaIN(y, scale, shift) with [scale, shift] = A w

    Args:
      channels_in: channels of the input; 0 for a learned constant, initialized with ones, in its place.
      channels_out: channels of the output.
      w_dim: dimension of w.
      resolution: size R of the output.
      draw: generator of the seeds of the initial weights.
      up: whether the output is twice as large as the input.

    Attributes:
      noise_const: stored noise `[R, R]`.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        w_dim: int,
        resolution: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        up: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out, self.w_dim = channels_in, channels_out, w_dim
        self.resolution, self.up = resolution, up
        self.convolve = conv2d_up if up else conv2d
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=draw)
        self.const = self.weight = None
        if channels_in:
            shape = (3, 3, channels_in, channels_out)
            self.weight = self.add_weight(shape=shape, initializer=normal, name="weight")
        else:
            shape = (resolution, resolution, channels_out)
            self.const = self.add_weight(shape=shape, initializer="ones", name="const")
        self.bias = self.add_weight(shape=(channels_out,), initializer="zeros", name="bias")
        self.noise_const = self.add_weight(
            shape=(resolution, resolution), initializer=normal, trainable=False, name="noise_const"
        )
        with keras.name_scope(self.name):
            policy = self.dtype_policy
            self.noise = Noise(channels_out, dtype=policy, name="Noise")
            self.style = EqualizedDense(w_dim, 2 * channels_out, draw, dtype=policy, name="StyleMod")
        self.built = True

    def call(self, x: tf.Tensor | None, w: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        """Returns activations `[N, R, R, C_out]`.

        Args:
          x: `[N, r, r, C_in]`, or None for a layer with a constant.
          w: `[N, w_dim]`.
          noise: `[N, R, R, 1]`, `[R, R, 1]` or None.
        """
        if x is None:
            y = tf.cast(tf.convert_to_tensor(self.const)[None], self.compute_dtype)
        else:
            y = self.convolve(x, tf.cast(he_scaled(self.weight), x.dtype))
        if noise is not None:
            y = self.noise(y, noise)
        y = leaky_relu(add_bias(y, tf.convert_to_tensor(self.bias)))
        return adain(y, *tf.split(self.style(w), 2, axis=1))


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANSynthesisBlock")
class SynthesisBlock(Part):
    """The two layers at one resolution.

    Args:
      channels_in: channels of the input activations; 0 for the first block, which starts from a learned
        constant.
      channels_out, w_dim, resolution, draw: see `SynthesisLayer`.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        w_dim: int,
        resolution: int,
        draw: keras.random.SeedGenerator | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out = channels_in, channels_out
        self.w_dim, self.resolution = w_dim, resolution
        names = ("Conv0_up", "Conv1") if channels_in else ("Const", "Conv")
        shape = (channels_out, w_dim, resolution, draw)
        options = {"dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            up = bool(channels_in)
            self.convs = [
                SynthesisLayer(channels_in, *shape, up=up, **options, name=names[0]),
                SynthesisLayer(channels_out, *shape, **options, name=names[1]),
            ]
        self.shape_out = (resolution, resolution, channels_out)
        self.built = True

    def call(
        self, x: tf.Tensor | None, ws: Sequence[tf.Tensor], noise: Sequence[tf.Tensor | None]
    ) -> tf.Tensor:
        """Returns activations `[N, R, R, C_out]`.

        Args:
          x: activations of the previous block; None in the first block.
          ws: two tensors `[N, w_dim]`.
          noise: for each layer `[N, R, R, 1]`, `[R, R, 1]` or None.
        """
        x = None if x is None else tf.cast(x, self.compute_dtype)
        for conv, w, layer_noise in zip(self.convs, ws, noise, strict=True):
            x = conv(x, w, noise=layer_noise)
        return x


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANSynthesis")
class Synthesis(StyleSynthesis):
    """Maps w to images, with two layers at each resolution from 4x4 on.

    A growing network uses the resolutions that its weight `lod` enables, with the newest one fading in, and
    upscales the image to R by repeating pixels: see `growing`.

    Args:
      resolution: R, a power of 2 of at least 8.
      channels: C of the images.
      w_dim: dimension of w.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels.
      doublings: number of doublings of the resolution during training; 0 for a network that does not grow.
      seed: integer for the initial weights and the stored noise.

    Attributes:
      num_ws: number of w per image, one for each layer.
      noise_shapes: shape (r, r, 1) of the noise of each layer.
      lod: number of remaining doublings, or None if the network does not grow.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        w_dim: int,
        channel_base: int,
        channel_max: int,
        doublings: int = 0,
        *,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.resolution, self.channels = resolution, channels
        self.channel_base, self.channel_max = channel_base, channel_max
        self.doublings, self.seed = doublings, seed
        self.w_dim = w_dim
        self.lod = add_lod(self, doublings)
        draw = keras.random.SeedGenerator(seed)
        channels_in = 0
        self.blocks, self.torgbs = [], []
        with keras.name_scope(self.name):
            for size in resolutions(resolution):
                channels_out = min(channel_base // size, channel_max)
                policy = policy_at(size, resolution, self.dtype_policy)
                shape = (channels_in, channels_out, w_dim, size, draw)
                self.blocks.append(SynthesisBlock(*shape, dtype=policy, name=f"{size}x{size}"))
                if doublings or size == resolution:
                    name = lod_name("ToRGB", resolution, size)
                    torgb = EqualizedConv2D(
                        channels_out, channels, 1, draw, activate=False, dtype=policy, name=name
                    )
                    self.torgbs.append(torgb)
                channels_in = channels_out
        self.num_ws = 2 * len(self.blocks)
        self.built = True

    @property
    def num_ws_in_use(self) -> int | tf.Tensor:
        """Number of w that the images depend on: two for each resolution that `lod` enables."""
        if self.lod is None:
            return self.num_ws
        return self.num_ws - 2 * tf.cast(tf.convert_to_tensor(self.lod), tf.int32)

    def _images(self, ws, noise):
        inputs = [(ws[2 * i : 2 * i + 2], noise[2 * i : 2 * i + 2]) for i in range(len(self.blocks))]
        return self._fixed(inputs) if self.lod is None else self._growing(inputs, tf.shape(ws[0])[0])

    def _fixed(self, inputs):
        x = None
        for block, (ws, noise) in zip(self.blocks, inputs, strict=True):
            x = block(x, ws, noise=noise)
        return self._image(self.torgbs[-1], x)

    def _growing(self, inputs, count):
        x = self.blocks[0](None, inputs[0][0], noise=inputs[0][1])
        image = self._image(self.torgbs[0], x)
        lod, channels = tf.convert_to_tensor(self.lod), image.shape[-1]
        for i in range(1, len(self.blocks)):
            block, level = self.blocks[i], len(self.blocks) - 1 - i
            size = block.shape_out[0]
            x, detailed = only_if(
                lod < level + 1,
                functools.partial(self._grow, i, x, *inputs[i]),
                [(count, *block.shape_out), (count, size, size, channels)],
                [block.compute_dtype, self.variable_dtype],
            )
            image = lerp(detailed, upscale2d(image), lod - level)
        return image

    def _grow(self, i, x, ws, noise):
        x = self.blocks[i](x, ws, noise=noise)
        return [x, self._image(self.torgbs[i], x)]

    def _image(self, torgb, x):
        return tf.cast(torgb(x), self.variable_dtype)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANGenerator")
class Generator(StyleGenerator):
    """Maps latents to images: see `StyleGenerator`.

    Args:
      doublings: see `Synthesis`.
      the others: see `StyleGenerator`.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.stylegan_generator import Generator
    >>> generator = Generator((16, 16, 3), 8, 8, 2, 0, channel_base=64, channel_max=8, seed=0)
    >>> generator(tf.zeros([2, 8]), truncation=0.7).shape
    TensorShape([2, 16, 16, 3])
    """

    mapping_class, synthesis_class = Mapping, Synthesis

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        z_dim: int,
        w_dim: int,
        mapping_depth: int,
        num_classes: int,
        channel_base: int,
        channel_max: int,
        doublings: int = 0,
        *,
        seed: int,
        **kwargs,
    ):
        sizes = (image_shape, z_dim, w_dim, mapping_depth, num_classes, channel_base, channel_max)
        super().__init__(*sizes, seed, {"doublings": doublings}, **kwargs)
        self.doublings = doublings
