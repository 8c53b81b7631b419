"""The discriminator of the first StyleGAN (Karras et al. 2019), as in the official TensorFlow code.

`stylegan_generator` documents how the weights differ from the official ones.
"""

import functools

import keras
import tensorflow as tf

from ..networks.part import Part
from .box_resampling import conv2d_down, downscale2d
from .layers import EqualizedDense, minibatch_stddev
from .level_of_detail import add_lod, lerp, lod_name, only_if
from .resolutions import check_square, policy_at, resolutions, seed_of_part
from .stylegan_layers import HeConv2D, HeDense


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANDiscriminatorBlock")
class DiscriminatorBlock(Part):
    """The layers at one resolution, which halve it: convolution; blur, convolution, means of 2x2 pixels.

    Args:
      channels, channels_out: channels of the input and of the output activations.
      resolution: size of the input activations.
      draw: generator of the seeds of the initial weights.
    """

    def __init__(
        self,
        channels: int,
        channels_out: int,
        resolution: int,
        draw: keras.random.SeedGenerator | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels, self.channels_out, self.resolution = channels, channels_out, resolution
        options = {"dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            self.conv0 = HeConv2D(channels, channels, 3, draw, **options, name="Conv0")
            self.conv1 = HeConv2D(
                channels, channels_out, 3, draw, convolve=conv2d_down, **options, name="Conv1_down"
            )
        self.shape_out = (resolution // 2, resolution // 2, channels_out)
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns activations of half the size."""
        return self.conv1(self.conv0(tf.cast(x, self.compute_dtype)))


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANDiscriminatorEpilogue")
class DiscriminatorEpilogue(Part):
    """The layers at 4x4, which map activations to logits `[N, size_out]`.

    Args:
      channels, hidden: channels of the activations, and size of the vector between the two dense layers.
      size_out: number of logits per image.
      draw: generator of the seeds of the initial weights.
      minibatch_group: see `minibatch_stddev`; 1 disables it.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        size_out: int,
        draw: keras.random.SeedGenerator | None = None,
        *,
        minibatch_group: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels, self.hidden, self.size_out = channels, hidden, size_out
        self.minibatch_group = minibatch_group
        options = {"dtype": self.dtype_policy}
        with keras.name_scope(self.name):
            channels_in = channels + (minibatch_group > 1)
            self.conv = HeConv2D(channels_in, channels, 3, draw, **options, name="Conv")
            self.dense0 = HeDense(16 * channels, hidden, draw, **options, name="Dense0")
            self.dense1 = EqualizedDense(hidden, size_out, draw, **options, name="Dense1")
        self.built = True

    def call(self, x: tf.Tensor, features: bool = False) -> tf.Tensor:
        """Returns logits or, with `features`, the vectors before the last layer."""
        x = tf.cast(x, self.compute_dtype)
        if self.minibatch_group > 1:
            # Features of an image do not depend on the rest of the batch.
            x = minibatch_stddev(x, 1 if features else self.minibatch_group)
        x = self.conv(x)
        h = self.dense0(tf.reshape(x, [-1, self.dense0.weight.shape[0]]))
        return h if features else self.dense1(h)


@keras.saving.register_keras_serializable(package="latentzoo", name="StyleGANDiscriminator")
class Discriminator(Part):
    """Maps images, and labels if conditional, to logits of being real.

    A conditional discriminator has a logit for each class (Mescheder et al. 2018). A growing one sees images
    at the resolutions that its weight `lod` enables, the reverse of `Synthesis`.

    Args:
      image_shape: (R, R, C), R a power of 2 of at least 8.
      num_classes: number of classes, or 0.
      channel_base, channel_max, doublings: see `Synthesis`.
      minibatch_group: see `minibatch_stddev`; 1 disables it.
      seed: integer for the initial weights.

    Attributes:
      lod: see `Synthesis`.

    Raises:
      ValueError: invalid image_shape.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.stylegan_discriminator import Discriminator
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
        doublings: int = 0,
        minibatch_group: int = 4,
        *,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.channel_base, self.channel_max = channel_base, channel_max
        self.doublings, self.minibatch_group, self.seed = doublings, minibatch_group, seed
        resolution, colors = check_square(image_shape)
        self.num_classes = num_classes
        self.lod = add_lod(self, doublings)
        draw = keras.random.SeedGenerator(seed_of_part(seed, 0))
        sizes = resolutions(resolution)[::-1]
        widths = {size: min(channel_base // size, channel_max) for size in [*sizes, 2]}
        self.fromrgbs, self.blocks = [], []
        with keras.name_scope(self.name):
            for size in sizes:
                options = {"dtype": policy_at(size, resolution, self.dtype_policy)}
                if doublings or size == resolution:
                    name = lod_name("FromRGB", resolution, size)
                    self.fromrgbs.append(HeConv2D(colors, widths[size], 1, draw, **options, name=name))
                if size > 4:
                    shape = (widths[size], widths[size // 2], size, draw)
                    self.blocks.append(DiscriminatorBlock(*shape, **options, name=f"{size}x{size}"))
            self.epilogue = DiscriminatorEpilogue(
                *(widths[4], widths[2], max(num_classes, 1), draw),
                minibatch_group=minibatch_group,
                **options,
                name="4x4",
            )
        self.built = True

    def call(self, images: tf.Tensor, labels: tf.Tensor | None = None, features: bool = False) -> tf.Tensor:
        """Returns logits, float32 `[N]`.

        Args:
          images: `[N, R, R, C]` in [-1, 1].
          labels: int `[N]`, of a conditional network.
          features: whether to return feature vectors `[N, F]` in place of logits, which need no labels.

        Raises:
          ValueError: labels are missing.
        """
        if self.num_classes and labels is None and not features:
            raise ValueError(f"labels are missing, expected integers below {self.num_classes}.")
        y = self.epilogue(
            self._fixed(images) if self.lod is None else self._growing(images), features=features
        )
        if features:
            return y
        if not self.num_classes:
            return y[:, 0]
        one_hot = tf.one_hot(tf.cast(labels, tf.int32), self.num_classes, dtype=y.dtype)
        return tf.reduce_sum(y * one_hot, axis=1)

    def _fixed(self, images):
        x = self._features(0, images)[0]
        for block in self.blocks:
            x = block(x)
        return x

    def _growing(self, images):
        lod, count = tf.convert_to_tensor(self.lod), tf.shape(images)[0]
        x = self._features_if(lod < 1, 0, images, count)
        for i, block in enumerate(self.blocks):
            images = downscale2d(images)
            (detailed,) = only_if(
                lod < i + 1,
                lambda block=block, x=x: [block(x)],
                [(count, *block.shape_out)],
                [block.compute_dtype],
            )
            coarse = self._features_if(lod > i, i + 1, images, count)
            x = lerp(tf.cast(detailed, coarse.dtype), coarse, lod - i)
        return x

    def _features_if(self, condition, i, images, count):
        fromrgb = self.fromrgbs[i]
        shape = (count, *images.shape[1:3], fromrgb.bias.shape[0])
        read = functools.partial(self._features, i, images)
        return only_if(condition, read, [shape], [fromrgb.compute_dtype])[0]

    def _features(self, i, images):
        fromrgb = self.fromrgbs[i]
        return [fromrgb(tf.cast(images, fromrgb.compute_dtype))]
