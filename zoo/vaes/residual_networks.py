"""The encoder and the decoder: residual convolutional networks that mirror each other."""

import keras
import tensorflow as tf

from ..networks.hidden_layers import class_embedding, dense
from ..networks.layers import Conv2D, Conv2DTranspose, Dense
from ..networks.part import Part

# The scale of the initial variance of outputs: posteriors start nearly standard normal, images nearly gray.
SMALL = 0.01

Draw = keras.random.SeedGenerator
DType = keras.DTypePolicy
Blocks = list[list[Conv2D]]  # the two convolutions of each residual block


@keras.saving.register_keras_serializable(package="latentzoo")
class Encoder(Part):
    """Maps images to vectors.

        h = conv4x4(h), stride 2;  h = h + conv3x3(silu(conv3x3(silu(h)))) in each block     level by level
        y = W2 silu(W1 silu(h) + e(label))

    Level i has width * 2^i channels; there are 8 * width hidden units. Layers compute in the dtype policy's
    compute dtype; the output is float32.

    Args:
      image_shape: (H, W, C), H and W multiples of 2^levels.
      levels: the number of levels.
      depth: the number of residual blocks in each level.
      width: the channels of the first level.
      size_out: the size of the vectors.
      num_classes: the number of embedded classes, or 0.
      seed: integer, of the initial weights.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        levels: int,
        depth: int,
        width: int,
        size_out: int,
        *,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.levels, self.depth, self.width = tuple(image_shape), levels, depth, width
        self.size_out, self.num_classes, self.seed = size_out, num_classes, seed
        draw = keras.random.SeedGenerator(seed)
        policy = self.dtype_policy
        channels = [image_shape[-1], *_widths(levels, width)]
        self.downs = [_down(a, b, draw, policy) for a, b in zip(channels, channels[1:], strict=False)]
        self.blocks = [[_block(c, draw, policy) for _ in range(depth)] for c in channels[1:]]
        self.hidden = dense(_pixels(image_shape, levels) * channels[-1], 8 * width, draw, policy)
        self.last = _small_dense(8 * width, size_out, draw, policy)
        self.embedding = class_embedding(self, num_classes, 8 * width)
        self.built = True

    def call(self, x: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        h = tf.cast(x, self.compute_dtype)
        for down, blocks in zip(self.downs, self.blocks, strict=True):
            h = _residual(down(h), blocks)
        h = self.hidden(tf.nn.silu(tf.reshape(h, [-1, self.hidden.kernel.shape[0]])))
        h = _add_class(h, self.embedding, labels)
        return tf.cast(self.last(tf.nn.silu(h)), tf.float32)


@keras.saving.register_keras_serializable(package="latentzoo")
class Decoder(Part):
    """Maps vectors to images of `channels_out` channels, with the encoder's layers in reverse order.

        h = W2 silu(W1 z + e(label))
        h = h + conv3x3(silu(conv3x3(silu(h)))) in each block;  h = conv4x4^T(silu(h)), stride 2

    Args:
      image_shape, levels, depth, width, num_classes, seed: as in `Encoder`.
      size_in: the size of the vectors.
      channels_out: the channels of the output `[N, H, W, channels_out]`, float32.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        levels: int,
        depth: int,
        width: int,
        size_in: int,
        channels_out: int,
        *,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.levels, self.depth, self.width = tuple(image_shape), levels, depth, width
        self.size_in, self.channels_out = size_in, channels_out
        self.num_classes, self.seed = num_classes, seed
        draw = keras.random.SeedGenerator(seed)
        policy = self.dtype_policy
        channels = [*_widths(levels, width)[::-1], channels_out]
        height, width_, _ = image_shape
        self.smallest = (height // 2**levels, width_ // 2**levels, channels[0])
        self.hidden = dense(size_in, 8 * width, draw, policy)
        self.spread = dense(8 * width, _pixels(image_shape, levels) * channels[0], draw, policy)
        self.blocks = [[_block(c, draw, policy) for _ in range(depth)] for c in channels[:-1]]
        gains = [1.0] * (levels - 1) + [SMALL]
        sizes = zip(channels, channels[1:], gains, strict=False)
        self.ups = [_up(a, b, draw, policy, gain) for a, b, gain in sizes]
        self.embedding = class_embedding(self, num_classes, 8 * width)
        self.built = True

    def call(self, z: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        h = _add_class(self.hidden(tf.cast(z, self.compute_dtype)), self.embedding, labels)
        h = tf.reshape(self.spread(tf.nn.silu(h)), [-1, *self.smallest])
        for blocks, up in zip(self.blocks, self.ups, strict=True):
            h = up(tf.nn.silu(_residual(h, blocks)))
        return tf.cast(h, tf.float32)


def _widths(levels: int, width: int) -> list[int]:
    return [width * 2**level for level in range(levels)]


def _pixels(image_shape: tuple[int, int, int], levels: int) -> int:
    """The number of pixels at the lowest resolution."""
    return image_shape[0] // 2**levels * (image_shape[1] // 2**levels)


def _residual(h: tf.Tensor, blocks: Blocks) -> tf.Tensor:
    for inner, outer in blocks:
        h += outer(tf.nn.silu(inner(tf.nn.silu(h))))
    return h


def _add_class(h: tf.Tensor, embedding: keras.Variable | None, labels: tf.Tensor | None) -> tf.Tensor:
    if embedding is None:
        return h
    return h + tf.cast(tf.gather(tf.convert_to_tensor(embedding), labels), h.dtype)


def _block(channels: int, draw: Draw, dtype: DType) -> list[Conv2D]:
    """The two convolutions of a residual block; the second starts at zero, the block as the identity."""
    inner = Conv2D(channels, 3, padding="same", kernel_initializer=_he(draw), dtype=dtype)
    outer = Conv2D(channels, 3, padding="same", kernel_initializer="zeros", dtype=dtype)
    for layer in (inner, outer):
        layer.build((None, None, None, channels))
    return [inner, outer]


def _down(channels_in: int, channels_out: int, draw: Draw, dtype: DType) -> Conv2D:
    layer = Conv2D(channels_out, 4, strides=2, padding="same", kernel_initializer=_he(draw), dtype=dtype)
    layer.build((None, None, None, channels_in))
    return layer


def _up(channels_in: int, channels_out: int, draw: Draw, dtype: DType, gain: float = 1.0) -> Conv2DTranspose:
    # He's, for the inputs of a pixel: all channels through a quarter of the kernel.
    initializer = keras.initializers.VarianceScaling(8 * gain, "fan_out", seed=draw)
    layer = Conv2DTranspose(
        channels_out, 4, strides=2, padding="same", kernel_initializer=initializer, dtype=dtype
    )
    layer.build((None, None, None, channels_in))
    return layer


def _small_dense(size_in: int, units: int, draw: Draw, dtype: DType) -> Dense:
    small = keras.initializers.VarianceScaling(SMALL, "fan_in", seed=draw)
    layer = Dense(units, kernel_initializer=small, dtype=dtype)
    layer.build((None, size_in))
    return layer


def _he(draw: Draw) -> keras.initializers.Initializer:
    return keras.initializers.HeNormal(draw)
