"""The base class of normalizing flows (Rezende & Mohamed 2015): exact densities and invertible latents."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from ...bijectors import inverse_tolerance
from .. import seeds
from ..checks import check_count
from ..compiled import compiled
from ..deprecation import old_arguments
from ..events import events_of
from ..images import from_keras
from ..latent_model import LatentModel
from ..signatures import Signature
from .flow_signatures import flow_signatures

tfb = tfp.bijectors
tfd = tfp.distributions


class Flow(LatentModel):
    """A model defined by a bijector from data to latents with a known distribution.

    A subclass implements `bijector(condition)`, which returns the map from continuous events (images on
    [0, 1]^D, or vectors) to latents `[..., D]`, and `_initialize` if it has data-dependent weights. It may
    override the standard normal distribution of the latents (`base`), and sampling (`_draw`), for example to
    use a cache, guidance or an iteration.

    The loss is in bits/dim for images and in nats for vectors.

    Args:
      event_shape: (H, W, C) for images, (D,) for vectors.
      num_classes: number of classes, or 0. A flow that is conditioned on something else sets `condition`
        in its constructor.
      num_bits: for images, the number of bits per color channel that are modeled.
      seed: integer seed of the initial weights and of the dequantization noise in training.
    """

    family = "flow"
    scores = ("bits_per_dim", "log_prob")
    likelihood_kind = "exact"
    sampling_options = ("temperature",)

    _cuts_batches = True
    _needs_continuous_events = True

    def __init__(
        self, event_shape: tuple[int, ...], num_classes: int = 0, num_bits: int = 8, seed: int = 0,
        **kwargs,
    ):  # fmt: skip
        super().__init__(num_classes=num_classes, **kwargs)
        self.events = events_of(event_shape, num_bits)
        self.num_bits = num_bits
        self.seed = check_count("seed", seed, 0, 2**31 - 1)

    def bijector(self, condition: tf.Tensor | None = None) -> tfb.Bijector:
        """Returns the map from data to latents, with the current weights.

        An estimated log-determinant uses a fixed seed here, so that scores are reproducible, and a seed that
        depends on the step in `training_bijector` (`seeds.training_seed(self.seed, self._noise_step())`).

        Args:
          condition: for conditional models, one per event: int labels `[N]`, or float32 images
            `[N, H, W, C]`.
        """
        raise NotImplementedError

    def training_bijector(self, condition: tf.Tensor | None = None) -> tfb.Bijector:
        """Returns the map that the training loss uses.

        It is `bijector`, except for flows with batch normalization or an estimated log-determinant.
        """
        return self.bijector(condition)

    def base(self, condition: tf.Tensor | None = None) -> tfd.Distribution:
        """Returns the distribution of the latents, standard normal unless overridden.

        Its event shape is `[D]`, its batch shape that of `condition`, or empty. Its sampler takes TFP's
        stateless seeds, and it has a mean: a temperature scales the distance from it. A subclass with another
        base sets `prior` to its name, since metrics that need standard normal latents reject such models.

        Args:
          condition: see `bijector`.
        """
        shape = tf.concat([self.condition.batch_shape(condition), [self.latent_dim]], axis=0)
        return tfd.Independent(tfd.Normal(tf.zeros(shape), 1.0), 1)

    def distribution(
        self, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tfd.TransformedDistribution:
        """Returns the distribution of continuous events as a TFP distribution, with the current weights.

        Its `log_prob` is in nats, of float images on [0, 1]^D, including preprocessing, or of vectors. Its
        `event_shape` is that of the model, its `batch_shape` that of the labels or conditions.

        Args:
          labels: int, any shape, for class-conditional models: the class of each member of the batch.
          condition: `[..., H, W, C]`, for models conditioned on an image.

        Raises:
          ValueError: labels or condition missing, given to an unconditional model, or out of range.

        >>> import tensorflow as tf
        >>> from latentzoo.zoo.flows import RealNVP
        >>> distribution = RealNVP(event_shape=(2,), depth=2, width=8, num_classes=3).distribution([0, 2])
        >>> distribution.batch_shape, distribution.sample(5, seed=0).shape
        (TensorShape([2]), TensorShape([5, 2, 2]))
        """
        condition = self.condition.check_any_shape(self.name, labels, condition)
        base, bijector = self.base(condition), self.bijector(condition)
        if condition is not None:
            batch_shape = self.condition.batch_shape(condition)
            # Only adds the batch shape to events that lack it.
            ones = [1] * len(self.event_shape)
            spread = tfb.Shift(tf.zeros(tf.concat([batch_shape, ones], axis=0)), name="spread")
            bijector = tfb.Chain([bijector, spread])
            if base.batch_shape.rank == 0:
                base = tfd.BatchBroadcast(base, batch_shape)
        return tfd.TransformedDistribution(base, tfb.Invert(bijector))

    def _density(self, condition):
        """`distribution` for checked conditions, one per event."""
        return tfd.TransformedDistribution(self.base(condition), tfb.Invert(self.bijector(condition)))

    @property
    def latent_dim(self) -> int:
        """D, the number of latent dimensions, which is that of the data."""
        return self.events.size

    @property
    def loss_name(self) -> str:
        """The name of the loss: bits_per_dim for images, nats for vectors."""
        return self.events.loss_name

    def call(self, inputs, training=None):
        """Returns the loss of each event, float32 `[N]`."""
        events, condition = self.condition.unpack(inputs)
        events = from_keras(events)
        self.events.check_kind(events)
        x = self.events.dequantize(events, self._training_noise(events) if training else 0.5)
        parts = zip(self._cut(x), self._cut(condition), strict=True)
        return tf.concat([self._loss(x, condition, training) for x, condition in parts], axis=0)

    def _cut(self, batch):
        """Splits a batch into `parallel_micro_batches` along its first axis; the last takes the remainder."""
        count = self.parallel_micro_batches
        if batch is None or count == 1:
            return [batch] * count
        # Static if possible: unknown sizes make all subsequent operations slower.
        size = tf.shape(batch)[0] if batch.shape[0] is None else batch.shape[0]
        part = size // count
        return tf.split(batch, [*[part] * (count - 1), size - part * (count - 1)])

    def _loss(self, x, condition, training: bool | None = False):
        """Returns the loss of continuous events."""
        bijector = self.training_bijector(condition) if training else self.bijector(condition)
        density = tfd.TransformedDistribution(self.base(condition), tfb.Invert(bijector))
        return self.events.loss(-density.log_prob(x))

    def _training_noise(self, events):
        return seeds.training_uniform(self.seed, self._noise_step(), tf.shape(events))

    @old_arguments(n="num_samples")
    def sample(
        self,
        num_samples: int,
        seed: ArrayLike = 0,
        temperature: float = 1.0,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> tf.Tensor:
        """Draws samples, float32 `[num_samples, H, W, C]` in [0, 1] (vectors: `[num_samples, D]`).

        Row i depends only on (seed, i): the first 4 of 16 images are those of a call for 4.

        Args:
          num_samples: at least 1.
          seed: an integer, or a pair of integers per row, `[num_samples, 2]`.
          temperature: factor on the standard deviation of the latents; below 1, samples are closer to the
            mode (Glow, section 6.2).
          labels: int `[num_samples]`, or one for all, for class-conditional models.
          condition: `[num_samples, ...]`, or one for all, for models conditioned on something else.

        Raises:
          ValueError: num_samples below 1, missing or invalid labels or condition, or a temperature that is
            negative or so high that numbers overflow.
        """
        return self._sampled(num_samples, seed, temperature, labels, condition)

    def log_prob(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> tf.Tensor:
        """Returns log p in nats, float32 `[N]`: the density on [0, 1]^D, with uint8 pixels at bin centers.

        Args:
          images, labels, condition: see `encode`.
        """
        events, condition = self._check_events(images, labels, condition)
        # Float images of bin centers have the same density as the uint8 images.
        self.events.warn_if_quantized(events, "log_prob", ("k / 255", "k / 256"))
        return self._log_prob(events, condition)

    def bits_per_dim(
        self,
        images: ArrayLike,
        seed: ArrayLike = 0,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> tf.Tensor:
        """Returns -log2 p / (H * W * C) of the discrete images, float32 `[N]`, including ln 256.

        Uses uniform dequantization with one draw per image. In expectation this is an upper bound on the
        exact discrete value (Theis et al. 2016, section 3.1). Row i's noise is drawn from (seed, i).

        Args:
          images: uint8 `[N, H, W, C]`; float32 images are assumed to be dequantized already.
          seed: an integer, or a pair of integers per row, `[N, 2]`.
          labels: int `[N]`, or one for all, for class-conditional models.
          condition: `[N, ...]`, or one for all, for models conditioned on something else.

        Raises:
          ValueError: invalid images, or a flow on vectors.
        """
        self._require_images("bits_per_dim")
        events, condition = self._check_events(images, labels, condition)
        self.events.warn_if_quantized(events, "bits_per_dim")
        return self._bits_per_dim(events, seeds.row_seeds(seed, events.shape[0]), condition)

    def _require_images(self, method):
        if not self.has_images:
            raise ValueError(f"{self.name} is a flow on {self.events.name}: {method} is only for images.")

    def serving_signatures(self) -> list[Signature]:
        """Returns the signatures of an exported flow, the default first: see `flow_signatures`."""
        return flow_signatures(self)

    def _check_restored(self, events, restored, condition):
        """Returns `restored` if it is `events` up to rounding and the tolerance of an iterative inverse."""
        error = np.asarray(self.events.reconstruction_error(events, restored))
        if not (error <= 1).all():
            row, kind = int(np.argmax(~(error <= 1))), self.events.name
            tolerance = inverse_tolerance(self.bijector(condition))
            iterative = f" and an inverse with a tolerance of {tolerance:g}" if tolerance else ""
            raise ValueError(
                f"{kind} are not restored by float32 arithmetic{iterative}, row {row} for one: "
                f"expected {kind} more like those that {self.name} was trained on."
            )
        return restored

    def _base_sample(self, row_seeds, temperature, condition):
        """Draws latents `[N, D]`, row i from only `row_seeds[i]` and its condition.

        A temperature scales the distance from the mean of `base`.
        """

        def sample_row(row):
            pair, of_row = row if self.condition else (row, None)
            of_row = None if of_row is None else of_row[None]
            return tf.reshape(self.base(of_row).sample(seed=pair), [self.latent_dim])

        rows = (row_seeds, condition) if self.condition else row_seeds
        latents = seeds.of_each(sample_row, rows, tf.TensorSpec([self.latent_dim], tf.float32))
        mean = self.base(condition).mean()
        return mean + temperature * (latents - mean)

    # The compiled parts of the public methods, which take checked tensors and return tensors.

    @compiled
    def _draw(self, row_seeds, temperature, condition):
        return self._generate(self._base_sample(row_seeds, temperature, condition), condition)

    @compiled
    def _encode(self, events, condition):
        return self.bijector(condition).forward(self.events.dequantize(events))

    @compiled
    def _decode(self, latents, condition):
        return self._generate(latents, condition)

    @compiled
    def _log_prob(self, events, condition):
        return self._density(condition).log_prob(self.events.dequantize(events))

    @compiled
    def _bits_per_dim(self, images, row_seeds, condition):
        noise = seeds.uniform(row_seeds, self.event_shape)
        return self._loss(self.events.dequantize(images, noise), condition)

    def _generate(self, latents, condition):
        return self.events.clip(self.bijector(condition).inverse(latents))
