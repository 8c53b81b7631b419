"""Two networks against each other, trained by Keras's `fit` (Goodfellow et al. 2014)."""

import math
from types import MappingProxyType

import tensorflow as tf

from .. import seeds
from ..batch_loss import replica_share
from ..checks import check_count, check_number, check_three
from ..compiled import compiled
from ..images import as_tensor, check_images, check_kind, from_keras
from ..latents import check_latents
from .gan_fitting import FittedGAN, LazyStep

# Draws of a training step, each of a stream of its own.
_STREAMS = 8


class AdversarialModel(FittedGAN):
    """A generator and a discriminator, the non-saturating logistic loss, and regularisation.

        L_D = E softplus(D(G(z))) + E softplus(-D(x)),  L_G = E softplus(-D(G(z)))
        R1  = gamma / 2 E |grad D(x)|^2                                     (Mescheder et al. 2018)

    A step is the generator's, then the discriminator's, each on new latents. Regularisation is lazy
    (StyleGAN2, appendix B): every `r1_interval` steps in a step of its own, times the interval, and Adam's
    rate and momenta are scaled to match.

    A moving average of the generator's weights is kept. It takes their place when `fit` ends: what a model
    samples with is the average.

    A subclass makes `generator` and `discriminator` in its constructor and writes `_training_images`,
    `_images_of` and what it needs of the other hooks below.

    Args:
      image_shape: (H, W, C).
      latent_dim: of z.
      num_classes: 0, or the number of classes that both networks are told.
      r1_gamma: weight of R1; 0: none.
      r1_interval: steps between those of R1; 1: a part of every step.
      adam_betas: momenta of both optimisers.
      seed: integer, of the initial weights and of the random numbers in training.
    """

    family = "gan"
    loss_name = "discriminator_loss"
    scores: tuple[str, ...] = ()

    training_defaults = MappingProxyType(
        {"learning_rate": 2e-3, "schedule": "constant", "warmup_steps": 0, "clip_norm": 0, "ema": 0.999}
    )

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        num_classes: int,
        r1_gamma: float,
        r1_interval: int,
        adam_betas: tuple[float, float],
        seed: int,
        **kwargs,
    ):
        super().__init__(num_classes=num_classes, **kwargs)
        self.image_shape = check_three(image_shape)
        self.latent_dim = check_count("latent_dim", latent_dim, 1)
        self.r1_gamma = check_number("r1_gamma", r1_gamma, 0)
        self.r1_interval = check_count("r1_interval", r1_interval, 1)
        self.adam_betas = adam_betas
        self.seed = check_count("seed", seed, 0, 2**31 - 1)

    @property
    def event_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.image_shape

    @property
    def latent_size(self) -> int:
        """The size of z."""
        return self.latent_dim

    # What the public knows: images in [0, 1].

    def sample(self, n: int, seed=0, labels=None) -> tf.Tensor:
        """`n` samples, float32 `[n, H, W, C]` in [0, 1]. Row i is drawn from (seed, i) alone.

        Args:
          n: at least 1.
          seed: an integer, or a pair of integers for each row `[n, 2]`.
          labels: int `[n]`, or one for all, of a conditional model.

        Raises:
          ValueError: n below 1, labels missing or out of range.
        """
        n = check_count("n", n, 1)
        return self._sample(seeds.row_seeds(seed, n), self._check_labels(labels, n))

    def decode(self, latents, labels=None) -> tf.Tensor:
        """The images of latents z `[N, latent_dim]`, float32 `[N, H, W, C]` in [0, 1]."""
        latents = check_latents(latents, self.latent_dim)
        return self._decode(latents, self._check_labels(labels, latents.shape[0]))

    def interpolate(self, latents_a, latents_b, steps: int, labels=None) -> tf.Tensor:
        """Images on the great circle between two latents z `[latent_dim]`, both ends included.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].
        """
        steps = check_count("steps", steps, 2)
        ends = self._check_ends(latents_a, latents_b)
        return self.decode(slerp(*ends, tf.linspace(0.0, 1.0, steps)[:, None]), labels)

    def _check_ends(self, latents_a, latents_b) -> list[tf.Tensor]:
        """Two latents `[latent_dim]` as tensors, or ValueError."""
        return [
            check_latents(as_tensor(z, name)[None], self.latent_dim, name)[0]
            for z, name in ((latents_a, "latents_a"), (latents_b, "latents_b"))
        ]

    def call(self, inputs, training=None):
        """The images of latents z, or of (latents, labels): what `decode` gives, for graphs."""
        latents, labels = inputs if self.num_classes else (inputs, None)
        return self._to_unit(self._images_of(from_keras(latents), labels))

    @property
    def _input(self):
        return "latents", (self.latent_dim,)

    @compiled
    def _sample(self, row_seeds, labels):
        return self._to_unit(self._images_of(seeds.normal(row_seeds, (self.latent_dim,)), labels))

    @compiled
    def _decode(self, latents, labels):
        return self._to_unit(self._images_of(latents, labels))

    def _check_events(self, events, labels):
        events = check_images(events, self.image_shape)
        return events, self._check_labels(labels, events.shape[0])

    def _images_of(self, latents, labels):
        """Images of latents, of the networks' size and range."""
        raise NotImplementedError

    def _to_unit(self, images):
        """Images of the networks, from -1 to 1, as the model's own: cut to its shape, in [0, 1]."""
        top, left = self._margins()
        height, width, _ = self.image_shape
        return tf.clip_by_value((images[:, top : top + height, left : left + width] + 1) / 2, 0.0, 1.0)

    def _from_unit(self, images):
        """Images as users have them as the networks': from -1 to 1, in a black frame to their size."""
        x = tf.cast(images, tf.float32) / 127.5 - 1 if images.dtype == tf.uint8 else 2 * images - 1
        (top, left), (height, width, _), (rows, columns) = self._margins(), self.image_shape, self._size()
        frame = [[0, 0], [top, rows - height - top], [left, columns - width - left], [0, 0]]
        return tf.pad(x, frame, constant_values=-1.0)

    def _size(self) -> tuple[int, int]:
        """Height and width of the networks' images."""
        return self.image_shape[:2]

    def _margins(self):
        return [(inner - outer) // 2 for inner, outer in zip(self._size(), self.image_shape, strict=False)]

    # Training.

    def adam_settings(self, network: str, learning_rate: float = 0.002) -> dict:
        """Arguments of Adam for the "generator" or the "discriminator".

        With lazy regularisation every k steps, k + 1 are taken in the time of k. So the rate is scaled by
        c = k / (k + 1), and the momenta are to the power of c (StyleGAN2, appendix B).
        """
        interval = {lazy.network: lazy.interval for lazy in self._lazy_steps()}.get(network, math.inf)
        c = 1 / (1 + 1 / interval)
        beta_1, beta_2 = (beta**c for beta in self.adam_betas)
        return {"learning_rate": learning_rate * c, "beta_1": beta_1, "beta_2": beta_2, "epsilon": 1e-8}

    def _step(self, data) -> tf.Tensor:
        """A step of both networks on a replica; returns how many images it had."""
        reals, labels = self._reals_and_labels(data)
        count = tf.shape(reals)[0]
        with tf.GradientTape() as tape:
            fakes = self._training_images(count, labels, stream=0)
            loss = tf.reduce_mean(tf.nn.softplus(-self._judge(fakes, labels, stream=0)))
        self._apply(tape, loss, count, self.optimizer, self.generator)
        self._tell("generator_loss", loss)
        fakes = self._training_images(count, labels, stream=1)
        with tf.GradientTape() as tape:
            of_fakes = self._judge(fakes, labels, stream=1)
            of_reals = self._judge(reals, labels, stream=2)
            loss = tf.reduce_mean(tf.nn.softplus(of_fakes) + tf.nn.softplus(-of_reals))
            whole = loss + (self._r1(reals, labels) if self._has_r1_in_every_step else 0.0)
        self._apply(tape, whole, count, self.discriminator_optimizer, self.discriminator)
        self._loss_tracker.update_state(loss)
        self._tell("real_sign", tf.reduce_mean(tf.sign(of_reals)))
        self._tell("fake_sign", tf.reduce_mean(tf.sign(of_fakes)))
        self._judged(of_reals)
        return count

    @property
    def _has_r1_in_every_step(self):
        return self.r1_gamma > 0 and self.r1_interval == 1

    def _lazy_steps(self) -> list[LazyStep]:
        """The steps that are taken now and then."""
        if self.r1_gamma and self.r1_interval > 1:
            return [LazyStep("discriminator", self.r1_interval, self._r1_step)]
        return []

    def _r1_step(self, data):
        reals, labels = self._reals_and_labels(data)
        with tf.GradientTape() as tape:
            loss = self.r1_interval * self._r1(reals, labels)
        count = tf.shape(reals)[0]
        self._apply(tape, loss, count, self.discriminator_optimizer, self.discriminator)
        return count

    def _r1(self, reals, labels):
        """gamma / 2 E |grad D(x)|^2 at real images."""
        with tf.GradientTape() as tape:
            tape.watch(reals)
            logits = tf.reduce_sum(self._judge(reals, labels, stream=3))
        squares = tf.reduce_sum(tape.gradient(logits, reals) ** 2, axis=[1, 2, 3])
        penalty = tf.reduce_mean(squares)
        self._tell("r1", penalty)
        return self.r1_gamma / 2 * penalty

    def _apply(self, tape, loss, count, optimizer, network):
        """A step of `optimizer`, which sums the replicas' gradients: each has its part of the mean.

        `count` is of this replica's real images.
        """
        variables = network.trainable_variables
        if not variables:  # all of it is frozen
            return
        gradients = tape.gradient(loss, variables, output_gradients=replica_share(count))
        # As in the official code, what a penalty does not depend on still moves by its momentum.
        gradients = [
            tf.zeros(variable.shape, variable.dtype) if gradient is None else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def _reals_and_labels(self, data):
        images, labels = self._images_and_labels(data)
        images = from_keras(images)
        check_kind(images, self.image_shape)
        labels = None if labels is None else tf.cast(labels, tf.int32)
        return self._from_unit(images), labels

    def _judge(self, images, labels, stream):
        """The discriminator's logits `[N]` of images in its own range; random numbers from `stream`."""
        return self.discriminator(images, labels)

    def _judged(self, of_reals):
        """Told the logits of each step's real images."""

    def _training_images(self, count, labels, stream) -> tf.Tensor:
        """Images of new latents, in the networks' range, with all that is random in training."""
        return self._images_of(self._training_normal([count, self.latent_dim], stream), labels)

    def _training_normal(self, shape, stream, part=0):
        """Standard normal numbers of this step; each stream and part of it has others."""
        return tf.random.stateless_normal(shape, self._training_seed(stream, part))

    def _training_uniform(self, shape, stream, part=0):
        """The same, uniform in [0, 1)."""
        return tf.random.stateless_uniform(shape, self._training_seed(stream, part))

    def _training_seed(self, stream, part=0):
        pair = seeds.training_seed(self.seed, self._state.step * _STREAMS + stream)
        return tf.random.experimental.stateless_fold_in(pair, part)

    def _tell(self, name, value):
        self._state.told[name].update_state(value)

    def _told_names(self) -> tuple[str, ...]:
        """What a training tells beside the discriminator's loss: averages over its steps."""
        return ("generator_loss", "real_sign", "fake_sign", *(("r1",) if self.r1_gamma else ()))


def slerp(a: tf.Tensor, b: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """The point at `t` on the great circle from `a` to `b`, its length interpolated linearly.

    Args:
      a, b: `[..., D]`, not opposite to each other.
      t: `[..., 1]`, from 0 to 1.

    Source: Shoemake 1985, equation for spherical linear interpolation.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.adversarial import slerp
    >>> half = slerp(tf.constant([1.0, 0.0]), tf.constant([0.0, 1.0]), tf.constant([0.5]))
    >>> [round(float(x), 4) for x in half]
    [0.7071, 0.7071]
    """
    length_a, length_b = tf.norm(a, axis=-1, keepdims=True), tf.norm(b, axis=-1, keepdims=True)
    unit_a, unit_b = tf.math.divide_no_nan(a, length_a), tf.math.divide_no_nan(b, length_b)
    angle = tf.acos(tf.clip_by_value(tf.reduce_sum(unit_a * unit_b, -1, keepdims=True), -1.0, 1.0))
    sine = tf.maximum(tf.sin(angle), 1e-6)
    near = tf.sin(angle) < 1e-6
    from_a = tf.where(near, 1 - t, tf.sin((1 - t) * angle) / sine)
    from_b = tf.where(near, t, tf.sin(t * angle) / sine)
    return (length_a + t * (length_b - length_a)) * (from_a * unit_a + from_b * unit_b)
