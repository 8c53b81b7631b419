"""Two networks against each other, trained by Keras's `fit` (Goodfellow et al. 2014)."""

import dataclasses
import math
from collections.abc import Callable
from types import MappingProxyType

import keras
import tensorflow as tf

from .. import seeds
from ..images import check_images, check_kind, check_vectors
from ..model import ZooModel, check_count, check_number, check_three

# Draws of a training step, each of a stream of its own.
_STREAMS = 8

# The average of the generator remembers at most this part of the images seen so far (ADA's code: ramp-up).
_RAMP_UP = 0.05


class AdversarialModel(ZooModel):
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

    # The discriminator may compare the images of a batch.
    _needs_whole_batch = True

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
        self._state: TrainingState | None = None

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
        latents = check_vectors(latents, self.latent_dim, "latents")
        return self._decode(latents, self._check_labels(labels, latents.shape[0]))

    def interpolate(self, latents_a, latents_b, steps: int, labels=None) -> tf.Tensor:
        """Images on the great circle between two latents z `[latent_dim]`, both ends included.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].
        """
        steps = check_count("steps", steps, 2)
        ends = [
            check_vectors(tf.convert_to_tensor(z)[None], self.latent_dim, name)[0]
            for z, name in ((latents_a, "latents_a"), (latents_b, "latents_b"))
        ]
        return self.decode(slerp(*ends, tf.linspace(0.0, 1.0, steps)[:, None]), labels)

    @tf.function(reduce_retracing=True, autograph=False)
    def _sample(self, row_seeds, labels):
        return self._to_unit(self._images_of(seeds.normal(row_seeds, (self.latent_dim,)), labels))

    @tf.function(reduce_retracing=True, autograph=False)
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

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        ema_images: float = 10_000.0,
        **kwargs,
    ) -> None:
        """Keras's `compile`, with an optimiser for each network.

        Args:
          optimizer: of the generator; None: Adam with `adam_settings("generator")`.
          discriminator_optimizer: of the discriminator; None alike.
          ema_images: half-life of the average of the generator, in images; 0: no average.
        """
        make = keras.optimizers.Adam
        super().compile(optimizer=optimizer or make(**self.adam_settings("generator")), **kwargs)
        with self.distribute_strategy.scope():
            other = discriminator_optimizer or make(**self.adam_settings("discriminator"))
            self.discriminator_optimizer = other
            self.optimizer.build(self.generator.trainable_variables)
            other.build(self.discriminator.trainable_variables)
            self._state = self._make_state(ema_images)

    def _make_state(self, ema_images):
        return TrainingState(self._told_names(), self.generator.trainable_variables, ema_images)

    def adam_settings(self, network: str, learning_rate: float = 0.002) -> dict:
        """Arguments of Adam for the "generator" or the "discriminator".

        With lazy regularisation every k steps, k + 1 are taken in the time of k. So the rate is scaled by
        c = k / (k + 1), and the momenta are to the power of c (StyleGAN2, appendix B).
        """
        interval = {lazy.network: lazy.interval for lazy in self._lazy_steps()}.get(network, math.inf)
        c = 1 / (1 + 1 / interval)
        beta_1, beta_2 = (beta**c for beta in self.adam_betas)
        return {"learning_rate": learning_rate * c, "beta_1": beta_1, "beta_2": beta_2, "epsilon": 1e-8}

    def get_compile_config(self) -> None:
        """None: a model that is loaded has to be compiled to go on."""

    @property
    def steps(self) -> int:
        """How many training steps were taken since `compile`, lazy ones not counted."""
        return 0 if self._state is None else int(self._state.step.numpy())

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The generator's and the discriminator's."""
        return [self.optimizer, self.discriminator_optimizer]

    @property
    def training_variables(self) -> list[tf.Variable]:
        """What the next training step depends on, beside the weights: slots, averages, counts."""
        return super().training_variables + self._state.variables

    @property
    def has_averages(self) -> bool:
        """Whether training keeps an average of the generator's weights."""
        return bool(self._state.averages)

    def use_averages(self) -> None:
        """Puts the averages in the place of the generator's weights."""
        if self.has_averages:
            for variable, average in zip(
                self.generator.trainable_variables, self._state.averages, strict=True
            ):
                variable.assign(average)

    def fit(self, x=None, y=None, **kwargs):
        """`ZooModel.fit`; at its end the generator's averaged weights take the place of the raw ones.

        To go on from there is another training: the optimisers' slots belong to the raw weights.
        """
        if self._state is None:
            raise ValueError(f"{self.name} is not compiled, expected `compile()` before `fit`.")
        history = super().fit(x, y, **kwargs)
        self.use_averages()
        return history

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` tells: Keras's loss, which is the discriminator's, and the rest."""
        return super().metrics + ([] if self._state is None else list(self._state.told.values()))

    def make_train_function(self, force=False):
        """A step and, when their turn comes, the lazy ones; each a graph of its own."""
        if self.train_function is not None and not force:
            return
        step, after = self._on_replicas(self._step), self._function(self._after_step)
        lazy = [(one.interval, self._on_replicas(one.function)) for one in self._lazy_steps()]

        def train_function(iterator):
            data, number = next(iterator), self.steps
            count = step(data)
            for interval, regularise in lazy:
                if number % interval == 0:
                    regularise(data)
            return after(count)

        self.train_function = train_function

    def _on_replicas(self, function: Callable) -> Callable:
        """`function` of a replica's batch as one of all replicas'; the counts it returns are summed."""

        def on_replicas(data):
            counts = self.distribute_strategy.run(function, args=(data,))
            return self.distribute_strategy.reduce("SUM", counts, axis=None)

        return self._function(on_replicas)

    def _function(self, function: Callable) -> Callable:
        if self.run_eagerly:
            return function
        return tf.function(function, jit_compile=self.jit_compile, reduce_retracing=True, autograph=False)

    def _step(self, data) -> tf.Tensor:
        """A step of both networks on a replica; returns how many images it had."""
        reals, labels = self._reals_and_labels(data)
        count = tf.shape(reals)[0]
        with tf.GradientTape() as tape:
            fakes = self._training_images(count, labels, stream=0)
            loss = tf.reduce_mean(tf.nn.softplus(-self._judge(fakes, labels, stream=0)))
        self._apply(tape, loss, self.optimizer, self.generator)
        self._tell("generator_loss", loss)
        fakes = self._training_images(count, labels, stream=1)
        with tf.GradientTape() as tape:
            of_fakes = self._judge(fakes, labels, stream=1)
            of_reals = self._judge(reals, labels, stream=2)
            loss = tf.reduce_mean(tf.nn.softplus(of_fakes) + tf.nn.softplus(-of_reals))
            whole = loss + (self._r1(reals, labels) if self._has_r1_in_every_step else 0.0)
        self._apply(tape, whole, self.discriminator_optimizer, self.discriminator)
        self._loss_tracker.update_state(loss)
        self._tell("real_sign", tf.reduce_mean(tf.sign(of_reals)))
        self._tell("fake_sign", tf.reduce_mean(tf.sign(of_fakes)))
        self._judged(of_reals)
        return count

    @property
    def _has_r1_in_every_step(self):
        return self.r1_gamma > 0 and self.r1_interval == 1

    def _lazy_steps(self) -> list["LazyStep"]:
        """The steps that are taken now and then."""
        if self.r1_gamma and self.r1_interval > 1:
            return [LazyStep("discriminator", self.r1_interval, self._r1_step)]
        return []

    def _r1_step(self, data):
        reals, labels = self._reals_and_labels(data)
        with tf.GradientTape() as tape:
            loss = self.r1_interval * self._r1(reals, labels)
        self._apply(tape, loss, self.discriminator_optimizer, self.discriminator)
        return tf.shape(reals)[0]

    def _r1(self, reals, labels):
        """gamma / 2 E |grad D(x)|^2 at real images."""
        with tf.GradientTape() as tape:
            tape.watch(reals)
            logits = tf.reduce_sum(self._judge(reals, labels, stream=3))
        squares = tf.reduce_sum(tape.gradient(logits, reals) ** 2, axis=[1, 2, 3])
        penalty = tf.reduce_mean(squares)
        self._tell("r1", penalty)
        return self.r1_gamma / 2 * penalty

    def _apply(self, tape, loss, optimizer, network):
        """A step of `optimizer`, which sums the replicas' gradients: each has its part of the mean."""
        variables = network.trainable_variables
        part = tf.constant(1 / self.distribute_strategy.num_replicas_in_sync)
        gradients = tape.gradient(loss, variables, output_gradients=part)
        # As in the official code, what a penalty does not depend on still moves by its momentum.
        gradients = [
            tf.zeros(variable.shape, variable.dtype) if gradient is None else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def _reals_and_labels(self, data):
        images, labels = self._images_and_labels(data)
        check_kind(images, self.image_shape)
        labels = None if labels is None else tf.cast(labels, tf.int32)
        return self._from_unit(tf.convert_to_tensor(images)), labels

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

    def _after_step(self, count):
        """Counts, averages; all replicas together. Returns what `fit` tells."""
        self._state.count(count)
        self._state.average(self.generator.trainable_variables, count)
        return self.get_metrics_result()


class TrainingState:
    """What a training knows beside its weights and optimisers.

    Args:
      told: names of the averages that `fit` tells.
      variables: of the generator.
      ema_images: half-life of their average, in images; 0: none.

    Attributes:
      step, images: how many were taken and seen.
      averages: of the variables.
      numbers: more of a model's own, by name.
    """

    def __init__(self, told: tuple[str, ...], variables: list, ema_images: float):
        self.told = {name: keras.metrics.Mean(name) for name in told}
        self.ema_images = ema_images
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.images = tf.Variable(0, dtype=tf.int64, trainable=False)
        averaged = variables if ema_images else []
        self.averages = [tf.Variable(variable.value, trainable=False) for variable in averaged]
        self.numbers: dict[str, tf.Variable] = {}

    def add_number(self, name: str) -> None:
        """A float32 that starts at 0; what replicas assign to it is averaged."""
        mean = tf.VariableAggregation.MEAN
        self.numbers[name] = tf.Variable(0.0, trainable=False, aggregation=mean)

    @property
    def variables(self) -> list[tf.Variable]:
        return [self.step, self.images, *self.averages, *self.numbers.values()]

    def count(self, images: tf.Tensor) -> None:
        """A step more, of so many images."""
        self.step.assign_add(1)
        self.images.assign_add(tf.cast(images, tf.int64))

    def average(self, variables: list, images: tf.Tensor) -> None:
        """Moves the averages towards the variables."""
        if not self.averages:
            return
        half_life = tf.minimum(self.ema_images, _RAMP_UP * tf.cast(self.images, tf.float32))
        keep = 0.5 ** (tf.cast(images, tf.float32) / half_life)
        for variable, average in zip(variables, self.averages, strict=True):
            average.assign(keep * average + (1 - keep) * variable.value)


@dataclasses.dataclass(frozen=True)
class LazyStep:
    """A step of one network that is taken every `interval` steps.

    Attributes:
      network: "generator" or "discriminator".
      interval: in steps.
      function: Keras's (images, labels) of a replica -> how many images it had.
    """

    network: str
    interval: int
    function: Callable


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
    unit_a, unit_b = a / length_a, b / length_b
    angle = tf.acos(tf.clip_by_value(tf.reduce_sum(unit_a * unit_b, -1, keepdims=True), -1.0, 1.0))
    sine = tf.maximum(tf.sin(angle), 1e-6)
    near = tf.sin(angle) < 1e-6
    from_a = tf.where(near, 1 - t, tf.sin((1 - t) * angle) / sine)
    from_b = tf.where(near, t, tf.sin(t * angle) / sine)
    return (length_a + t * (length_b - length_a)) * (from_a * unit_a + from_b * unit_b)
