"""The plain generative adversarial network, of DCGAN's size (Radford et al. 2015)."""

import keras
import tensorflow as tf

from ..checks import check_count, check_image_shape, check_number
from ..networks.layers import Conv2D, Conv2DTranspose, Dense
from ..networks.part import Part
from ..signatures import Signature
from .adversarial_model import AdversarialModel
from .gan_signatures import gan_signatures
from .r1 import R1
from .training_part import TrainingPart


@keras.saving.register_keras_serializable(package="latentzoo")
class GAN(AdversarialModel):
    """Strided convolutions down and up: the baseline for other GANs.

    DCGAN's layers, with two changes. R1 stabilizes the training in place of batch normalization, under which
    an image depends on the rest of its batch. Weights are initialized as by He et al. (2015). Classes are
    embedded: concatenated to z in the generator, a projection in the discriminator (Miyato & Koyama 2018).

    Args:
      image_shape: (H, W, C); H and W are multiples of 2^levels.
      latent_dim: dimension of z, which is standard normal.
      levels: number of times the image is halved, such as 2 for 28x28 and 4 for 64x64.
      width: channels of the largest level; each smaller level has twice as many as the one before.
      num_classes: number of classes that both networks are conditioned on, or 0.
      r1_gamma, r1_interval: weight of R1, and steps between its updates.
      seed: integer for the initial weights and the random numbers in training.
      dtype: Keras dtype policy of the networks, for example "mixed_bfloat16".

    Raises:
      ValueError: invalid argument.

    >>> import numpy as np
    >>> from latentzoo.zoo.gans import GAN
    >>> images = np.random.default_rng(0).integers(0, 256, [32, 8, 8, 1], np.uint8)
    >>> model = GAN(image_shape=(8, 8, 1), latent_dim=4, levels=1, width=4)
    >>> model.compile(jit_compile=False)
    >>> history = model.fit(images, batch_size=16, verbose=0)
    >>> model.sample(5).shape
    TensorShape([5, 8, 8, 1])
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        latent_dim: int = 64,
        levels: int = 2,
        width: int = 64,
        num_classes: int = 0,
        r1_gamma: float = 1.0,
        r1_interval: int = 8,
        seed: int = 0,
        **kwargs,
    ):
        shape = check_image_shape(image_shape, levels)
        super().__init__(shape, latent_dim, num_classes, seed, **kwargs)
        self.r1_gamma = check_number("r1_gamma", r1_gamma, 0)
        self.r1_interval = check_count("r1_interval", r1_interval, 1)
        self.levels = levels
        self.width = check_count("width", width, 1)
        sizes = (self.image_shape, levels, self.width)
        options = {"num_classes": num_classes, "dtype": self.dtype_policy}
        self.generator = Generator(*sizes, latent_dim, seed=2 * self.seed, **options, name="generator")
        self.discriminator = Discriminator(*sizes, seed=2 * self.seed + 1, **options, name="discriminator")
        self.built = True

    def training_parts(self) -> list[TrainingPart]:
        """Returns R1, unless its weight is 0."""
        return [R1(self.r1_gamma, self.r1_interval)] if self.r1_gamma else []

    def _images_of(self, latents, labels):
        return self.generator(latents, labels)

    def serving_signatures(self) -> list[Signature]:
        """Returns the signatures of an export, the default first: see `gan_signatures`."""
        return gan_signatures(self)


@keras.saving.register_keras_serializable(package="latentzoo", name="GANGenerator")
class Generator(Part):
    """Maps latents and labels to images in [-1, 1].

        h = W [z, e(label)];  h = conv4x4^T(lrelu(h)) with stride 2 for each level;  image = tanh(h)

    Args:
      image_shape, levels, width, num_classes: see `GAN`.
      latent_dim: dimension of z.
      seed: integer for the initial weights.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        levels: int,
        width: int,
        latent_dim: int,
        *,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.levels, self.width = tuple(image_shape), levels, width
        self.latent_dim, self.num_classes, self.seed = latent_dim, num_classes, seed
        draw, policy = keras.random.SeedGenerator(seed), self.dtype_policy
        height, width_, channels_out = image_shape
        channels = [width * 2**level for level in range(levels)][::-1]
        self.smallest = (height // 2**levels, width_ // 2**levels, channels[0])
        self.embedding = _embedding(num_classes, latent_dim, draw, policy)
        size_in = latent_dim * (1 if self.embedding is None else 2)
        self.first = Dense(
            self.smallest[0] * self.smallest[1] * channels[0], kernel_initializer=_he(draw), dtype=policy
        )
        self.first.build((None, size_in))
        self.ups = []
        for size, units in zip(channels, [*channels[1:], channels_out], strict=True):
            # He initialization for what reaches a pixel: all channels, through a quarter of the kernel.
            start = keras.initializers.VarianceScaling(8.0, "fan_out", seed=draw)
            up = Conv2DTranspose(units, 4, 2, "same", kernel_initializer=start, dtype=policy)
            up.build((None, None, None, size))
            self.ups.append(up)
        self.built = True

    def call(self, latents: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Returns float32 images `[N, H, W, C]` of latents `[N, latent_dim]` and labels `[N]`."""
        h = tf.cast(latents, self.compute_dtype)
        if self.embedding is not None:
            h = tf.concat([h, self.embedding(labels)], axis=-1)
        h = tf.reshape(self.first(h), [-1, *self.smallest])
        for up in self.ups:
            h = up(tf.nn.leaky_relu(h, 0.2))
        return tf.tanh(tf.cast(h, tf.float32))


@keras.saving.register_keras_serializable(package="latentzoo", name="GANDiscriminator")
class Discriminator(Part):
    """Maps images in [-1, 1] and labels to logits, float32 `[N]`.

        h = lrelu(conv4x4(h)) with stride 2 for each level;  y = w h + <e(label), U h>

    Args:
      image_shape, levels, width, num_classes: see `GAN`.
      seed: integer for the initial weights.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        levels: int,
        width: int,
        *,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.levels, self.width = tuple(image_shape), levels, width
        self.num_classes, self.seed = num_classes, seed
        draw, policy = keras.random.SeedGenerator(seed), self.dtype_policy
        height, width_, channels_in = image_shape
        channels = [width * 2**level for level in range(levels)]
        self.downs = []
        for size, units in zip([channels_in, *channels], channels, strict=False):
            down = Conv2D(units, 4, 2, "same", kernel_initializer=_he(draw), dtype=policy)
            down.build((None, None, None, size))
            self.downs.append(down)
        self.features = height // 2**levels * (width_ // 2**levels) * channels[-1]
        self.last = Dense(1, kernel_initializer=_he(draw), dtype=policy)
        self.last.build((None, self.features))
        self.embedding = _embedding(num_classes, 8 * width, draw, policy)
        if self.embedding is not None:
            self.projection = Dense(8 * width, use_bias=False, kernel_initializer=_he(draw), dtype=policy)
            self.projection.build((None, self.features))
        self.built = True

    def call(self, images: tf.Tensor, labels: tf.Tensor | None = None, features: bool = False) -> tf.Tensor:
        """Returns logits `[N]` or, with `features`, feature vectors `[N, F]`, which need no labels."""
        h = tf.cast(images, self.compute_dtype)
        for down in self.downs:
            h = tf.nn.leaky_relu(down(h), 0.2)
        h = tf.reshape(h, [-1, self.features])
        if features:
            return tf.cast(h, tf.float32)
        logits = tf.cast(self.last(h)[:, 0], tf.float32)
        if self.embedding is not None:
            of_class = tf.reduce_sum(self.projection(h) * self.embedding(labels), axis=-1)
            logits += tf.cast(of_class, tf.float32)
        return logits


def _embedding(num_classes, size, draw, dtype):
    if not num_classes:
        return None
    normal = keras.initializers.RandomNormal(stddev=size**-0.5, seed=draw)
    layer = keras.layers.Embedding(num_classes, size, embeddings_initializer=normal, dtype=dtype)
    layer.build()
    return layer


def _he(draw):
    return keras.initializers.HeNormal(draw)
