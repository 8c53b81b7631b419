"""The base class of normalizing flows: exact densities, latents and back (Rezende & Mohamed 2015)."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

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
    """A bijector from data to latents of a known distribution, with everything that follows from it.

    A subclass writes one method, `bijector(condition)`, which returns the map from continuous events (images
    on [0, 1]^D, or vectors) to latents `[..., D]`, and `_initialize` if it has data-dependent weights. It may
    have another distribution of latents than the standard normal one (`base`), and another way to sample
    (`_draw`), such as with a cache, with guidance or by iteration.

    The loss is in bits/dim for images and in nats for vectors.

    Args:
      event_shape: (H, W, C) of images, (D,) of vectors.
      num_classes: 0, or the number of classes. A flow that is conditioned on something else sets `condition`
        in its constructor.
      num_bits: bits of a color channel that are modeled, of images.
      seed: integer, of the initial weights and of the dequantization noise in training.
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
        """The map from data to latents, over the weights as they are now.

        A log-determinant that is an estimate takes a fixed seed here, so that scores can be repeated, and one
        of the step in `training_bijector` (`seeds.training_seed(self.seed, self._noise_step())`).

        Args:
          condition: of a conditional model, one for each event: int `[N]` labels, or float32 images
            `[N, H, W, C]`.
        """
        raise NotImplementedError

    def training_bijector(self, condition: tf.Tensor | None = None) -> tfb.Bijector:
        """The map that the training loss sees: `bijector`, but for flows with batch normalization, or whose
        log-determinant is an estimate.
        """
        return self.bijector(condition)

    def base(self, condition: tf.Tensor | None = None) -> tfd.Distribution:
        """The distribution of the latents, standard normal unless a subclass says otherwise.

        Its event shape is `[D]`, its batch shape that of `condition`, or empty. Its sampler takes TFP's
        stateless seeds; it has a mean, which temperatures scale distances from. A subclass with another base
        sets `prior` to its name: metrics that need standard normal latents refuse the model.

        Args:
          condition: as `bijector`'s.
        """
        shape = tf.concat([self.condition.batch_shape(condition), [self.latent_dim]], axis=0)
        return tfd.Independent(tfd.Normal(tf.zeros(shape), 1.0), 1)

    def distribution(self, labels=None, condition=None) -> tfd.TransformedDistribution:
        """The density of continuous events, a stock TFP distribution over the weights as they are now.

        Its `log_prob` is in nats: of float images on [0, 1]^D, preprocessing included, or of vectors. Its
        `event_shape` is the model's; its `batch_shape` that of the labels or conditions.

        Args:
          labels: int, any shape, of a class-conditional model: the class of each member of the batch.
          condition: `[..., H, W, C]` of a model that is conditioned on an image.

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
            # Adds nothing but the batch shape to events that lack it.
            ones = [1] * len(self.event_shape)
            spread = tfb.Shift(tf.zeros(tf.concat([batch_shape, ones], axis=0)), name="spread")
            bijector = tfb.Chain([bijector, spread])
            if base.batch_shape.rank == 0:
                base = tfd.BatchBroadcast(base, batch_shape)
        return tfd.TransformedDistribution(base, tfb.Invert(bijector))

    def _density(self, condition):
        """`distribution` of checked conditions, one for each event."""
        return tfd.TransformedDistribution(self.base(condition), tfb.Invert(self.bijector(condition)))

    @property
    def latent_dim(self) -> int:
        """D, the number of latent dimensions: as many as the data has."""
        return self.events.size

    @property
    def loss_name(self) -> str:
        """What the loss is, in words: bits_per_dim for images, nats for vectors."""
        return self.events.loss_name

    def call(self, inputs, training=None):
        """The loss of each event, float32 `[N]`."""
        events, condition = self.condition.unpack(inputs)
        events = from_keras(events)
        self.events.check_kind(events)
        x = self.events.dequantize(events, self._training_noise(events) if training else 0.5)
        parts = zip(self._cut(x), self._cut(condition), strict=True)
        return tf.concat([self._loss(x, condition, training) for x, condition in parts], axis=0)

    def _cut(self, batch):
        """A batch in `parallel_micro_batches` along its first axis; the last one takes what is left over."""
        count = self.parallel_micro_batches
        if batch is None or count == 1:
            return [batch] * count
        # Known to the graph if it can be: unknown sizes make every operation after this one slower.
        size = tf.shape(batch)[0] if batch.shape[0] is None else batch.shape[0]
        part = size // count
        return tf.split(batch, [*[part] * (count - 1), size - part * (count - 1)])

    def _loss(self, x, condition, training: bool | None = False):
        """The loss of continuous events."""
        bijector = self.training_bijector(condition) if training else self.bijector(condition)
        density = tfd.TransformedDistribution(self.base(condition), tfb.Invert(bijector))
        return self.events.loss(-density.log_prob(x))

    def _training_noise(self, events):
        return seeds.training_uniform(self.seed, self._noise_step(), tf.shape(events))

    @old_arguments(n="num_samples")
    def sample(
        self, num_samples: int, seed=0, temperature: float = 1.0, labels=None, condition=None
    ) -> tf.Tensor:
        """`num_samples` samples, float32 `[num_samples, H, W, C]` in [0, 1] (vectors: `[num_samples, D]`).

        Row i is drawn from (seed, i) alone: the first 4 of 16 images are the 4 of 4.

        Args:
          num_samples: at least 1.
          seed: an integer, or a pair of integers for each row `[num_samples, 2]`.
          temperature: the standard deviation of the latents, in parts of their own; below 1 samples are
            closer to the mode (Glow, section 6.2).
          labels: int `[num_samples]`, or one for all, of a class-conditional model.
          condition: `[num_samples, ...]`, or one for all, of a model conditioned on something else.

        Raises:
          ValueError: num_samples below 1, labels or condition missing or of a wrong kind, a negative
            temperature, or one so high that numbers overflow.
        """
        return self._sampled(num_samples, seed, temperature, labels, condition)

    def log_prob(self, images, labels=None, condition=None) -> tf.Tensor:
        """log p in nats, float32 `[N]`: the density on [0, 1]^D, a uint8 pixel at its bin's center.

        Args:
          images, labels, condition: as `encode`'s.
        """
        events, condition = self._check_events(images, labels, condition)
        # The centers of bins have the density of the uint8 images.
        self.events.warn_if_quantized(events, "log_prob", ("k / 255", "k / 256"))
        return self._log_prob(events, condition)

    def bits_per_dim(self, images, seed=0, labels=None, condition=None) -> tf.Tensor:
        """-log2 p / (H * W * C) of the discrete images, float32 `[N]`, ln 256 counted.

        Uniform dequantization, one draw for each image: an upper bound of the exact discrete
        likelihood in expectation (Theis et al. 2016, section 3.1). Row i's noise is drawn from (seed, i).

        Args:
          images: uint8 `[N, H, W, C]`; float32 images are taken as already dequantized.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          labels: int `[N]`, or one for all, of a class-conditional model.
          condition: `[N, ...]`, or one for all, of a model conditioned on something else.

        Raises:
          ValueError: images of a wrong kind, or a flow on vectors.
        """
        self._require_images("bits_per_dim")
        images, condition = self._check_events(images, labels, condition)
        self.events.warn_if_quantized(images, "bits_per_dim")
        return self._bits_per_dim(images, seeds.row_seeds(seed, images.shape[0]), condition)

    def _require_images(self, method):
        if not self.has_images:
            raise ValueError(f"{self.name} is a flow on {self.events.name}: {method} is of images alone.")

    def serving_signatures(self) -> list[Signature]:
        """What an export of the flow offers a server, the main one first: see `flow_signatures`."""
        return flow_signatures(self)

    def _check_restored(self, events, restored, condition):
        """`restored`, if it is `events` up to rounding and the tolerance of an iterative inverse."""
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
        """Latents `[N, D]`, row i from `row_seeds[i]` and its condition alone.

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

    # The compiled halves of the public methods: checked tensors in, tensors out.

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
