"""The base class of normalizing flows: exact densities, latents and back (Rezende & Mohamed 2015)."""

import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from .. import seeds
from ..checks import check_count
from ..compiled import compiled
from ..images import (
    as_tensor,
    bin_centres,
    check_images,
    check_kind,
    check_vectors,
    dequantise,
    from_keras,
    warn_if_quantised,
)
from ..latents import check_finite, check_latents, check_temperature
from ..model import ZooModel
from ..signatures import Signature
from .flow_signatures import flow_signatures

tfb = tfp.bijectors
tfd = tfp.distributions


class Flow(ZooModel):
    """A bijector from data to a standard normal vector, with everything that follows from it.

    A subclass writes one method, `bijector(labels)`, which returns the map from continuous events (images
    on [0, 1]^D, or vectors) to latents `[..., D]`, and `_initialize` if it has data-dependent weights. For
    images it is a chain that ends in a `MultiScale`.

    The loss is in bits/dim for images and in nats for vectors.
    """

    family = "flow"
    scores = ("bits_per_dim", "log_prob")
    likelihood_kind = "exact"
    sampling_options = ("temperature",)

    def __init__(
        self, event_shape: tuple[int, ...], num_classes: int = 0, num_bits: int = 8, seed: int = 0,
        **kwargs,
    ):  # fmt: skip
        super().__init__(num_classes=num_classes, **kwargs)
        self.event_shape = tuple(event_shape)
        self.num_bits = num_bits
        self._batch_parts = 1
        self.seed = check_count("seed", seed, 0, 2**31 - 1)

    def bijector(self, labels: tf.Tensor | None = None) -> tfb.Bijector:
        """The map from data to latents, over the weights as they are now.

        Args:
          labels: int `[N]` of a conditional model, one for each event.
        """
        raise NotImplementedError

    def training_bijector(self, labels: tf.Tensor | None = None) -> tfb.Bijector:
        """The map that the training loss sees: `bijector`, but for flows with batch normalisation."""
        return self.bijector(labels)

    def distribution(self, labels: tf.Tensor | None = None) -> tfd.TransformedDistribution:
        """The density of continuous events, a stock TFP distribution over the weights as they are now.

        Its `log_prob` is in nats: of float images on [0, 1]^D, preprocessing included, or of vectors. Its
        `event_shape` is the model's; its `batch_shape` that of `labels`.

        Args:
          labels: int, any shape, of a conditional model: the class of each member of the batch.

        Raises:
          ValueError: labels missing, given to an unconditional model, or out of range.

        >>> import tensorflow as tf
        >>> from latentzoo.zoo.flows import RealNVP
        >>> distribution = RealNVP(event_shape=(2,), depth=2, width=8, num_classes=3).distribution([0, 2])
        >>> distribution.batch_shape, distribution.sample(5, seed=0).shape
        (TensorShape([2]), TensorShape([5, 2, 2]))
        """
        if labels is None:
            self._check_labels(None, 1)
            return self._density(self.bijector())
        labels = self._check_any_labels(labels)
        # Adds nothing but the batch shape of the labels to events that lack it.
        ones = [1] * len(self.event_shape)
        spread = tfb.Shift(tf.zeros(tf.concat([tf.shape(labels), ones], axis=0)), name="spread")
        bijector = tfb.Chain([self.bijector(labels), spread])
        return self._density(bijector, tf.shape(labels))

    def _check_any_labels(self, labels):
        """int32 labels of any shape; their values are checked where they are known."""
        labels = tf.convert_to_tensor(labels)
        values = tf.get_static_value(labels)
        if values is not None or not self.num_classes:
            self._check_labels(np.reshape(values, [-1]), np.size(values))
        return tf.cast(labels, tf.int32)

    def _density(self, bijector, batch_shape=None):
        zeros = tf.zeros([self.latent_size])
        if batch_shape is not None:
            zeros = tf.zeros(tf.concat([batch_shape, [self.latent_size]], axis=0))
        base = tfd.Independent(tfd.Normal(zeros, 1.0), 1)
        return tfd.TransformedDistribution(base, tfb.Invert(bijector))

    @property
    def latent_size(self) -> int:
        """D, the number of latent dimensions: as many as the data has."""
        return math.prod(self.event_shape)

    @property
    def loss_name(self) -> str:
        """What the loss is, in words: bits_per_dim for images, nats for vectors."""
        return "bits_per_dim" if len(self.event_shape) == 3 else "nats"

    @property
    def batch_parts(self) -> int:
        """Into how many pieces `fit` cuts each batch, 1 at first. Set it before `fit`.

        The pieces run side by side on the threads of a processor, which beats several threads in every
        operation: set TensorFlow's intra-op threads to the processors divided by the pieces
        (`trainers.strategies.share_threads`). The loss and its gradient are the same; tracing takes as
        many times as long. Of no use on a GPU.

        Raises:
          ValueError: set below 1, or above 1 for a flow with batch normalisation.
        """
        return self._batch_parts

    @batch_parts.setter
    def batch_parts(self, parts: int) -> None:
        if parts != 1 and self._needs_whole_batch:
            raise ValueError(
                f"batch_parts is {parts}, expected 1: {self.name} normalises by its whole batch."
            )
        self._batch_parts = check_count("batch_parts", parts, 1)
        self.train_function = None  # it was traced with the number before

    def call(self, inputs, training=None):
        """The loss of each event, float32 `[N]`."""
        events, labels = inputs if self.num_classes else (inputs, None)
        events = from_keras(events)
        if len(self.event_shape) == 3:
            check_kind(events, self.event_shape, "images")
        labels = None if labels is None else tf.cast(labels, tf.int32)
        noise = self._training_noise(events) if training else 0.5
        bijector = self.training_bijector if training else self.bijector
        x = dequantise(events, noise, self.num_bits)
        parts = zip(self._parts_of(x), self._parts_of(labels), strict=True)
        return tf.concat([self._loss(x, bijector(labels)) for x, labels in parts], axis=0)

    def _parts_of(self, batch):
        """`batch` in `batch_parts` pieces along its first axis; the last one takes what is left over."""
        if batch is None or self._batch_parts == 1:
            return [batch] * self._batch_parts
        # Known to the graph if it can be: unknown sizes make every operation after this one slower.
        size = tf.shape(batch)[0] if batch.shape[0] is None else batch.shape[0]
        part = size // self._batch_parts
        first = [part] * (self._batch_parts - 1)
        return tf.split(batch, [*first, size - part * (self._batch_parts - 1)])

    def _loss(self, events, bijector):
        negative_log_prob = -self._density(bijector).log_prob(events)
        if len(self.event_shape) == 1:
            return negative_log_prob
        return negative_log_prob / (self.latent_size * math.log(2)) + self.num_bits

    def _training_noise(self, events):
        return seeds.training_uniform(self.seed, self._noise_step(), tf.shape(events))

    def sample(self, n: int, seed=0, temperature: float = 1.0, labels=None) -> tf.Tensor:
        """`n` samples, float32 `[n, H, W, C]` in [0, 1] (vectors: `[n, D]`).

        Row i is drawn from (seed, i) alone: the first 4 of 16 images are the 4 of 4.

        Args:
          n: at least 1.
          seed: an integer, or a pair of integers for each row `[n, 2]`.
          temperature: the standard deviation of the latents; below 1 samples are closer to the mode
            (Glow, section 6.2).
          labels: int `[n]`, or one for all, of a conditional model.

        Raises:
          ValueError: n below 1, labels missing or out of range, a negative temperature, or one so high that
            numbers overflow.
        """
        n = check_count("n", n, 1)
        temperature = check_temperature(temperature)
        events = self._sample(seeds.row_seeds(seed, n), temperature, self._check_labels(labels, n))
        return check_finite(events, f"latents of temperature {temperature:g}")

    def encode(self, images, labels=None) -> tf.Tensor:
        """The latents of images (or vectors), float32 `[N, D]`, standard normal under the model."""
        images, labels = self._check_events(images, labels)
        return self._encode(images, labels)

    def decode(self, latents, labels=None) -> tf.Tensor:
        """The images (or vectors) of latents `[N, D]`, float32 `[N, H, W, C]` in [0, 1].

        Raises:
          ValueError: latents of a wrong kind, or so far out that numbers overflow.
        """
        latents = check_latents(latents, self.latent_size)
        events = self._decode(latents, self._check_labels(labels, latents.shape[0]))
        return check_finite(events, "latents")

    def reconstruct(self, images, labels=None) -> tf.Tensor:
        """`decode(encode(images))`: the images themselves, up to rounding.

        Raises:
          ValueError: images of a wrong kind, or so unlike those of the training that rounding in float32
            would show: a pixel would leave the bin of its value.
        """
        images, labels = self._check_events(images, labels)
        return self._check_restored(images, self._decode(self._encode(images, labels), labels))

    def log_prob(self, images, labels=None) -> tf.Tensor:
        """log p in nats, float32 `[N]`: the density on [0, 1]^D, a uint8 pixel at its bin's centre."""
        images, labels = self._check_events(images, labels)
        if len(self.event_shape) == 3:
            # The centres of bins have the density of the uint8 images.
            warn_if_quantised(images, "log_prob", ("k / 255", "k / 256"))
        return self._log_prob(images, labels)

    def bits_per_dim(self, images, seed=0, labels=None) -> tf.Tensor:
        """-log2 p / (H * W * C) of the discrete images, float32 `[N]`, ln 256 counted.

        Uniform dequantisation, one draw for each image: an upper bound of the exact discrete
        likelihood in expectation (Theis et al. 2016, section 3.1). Row i's noise is drawn from (seed, i).

        Args:
          images: uint8 `[N, H, W, C]`; float32 images are taken as already dequantised.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          labels: int `[N]` of a conditional model.

        Raises:
          ValueError: images of a wrong kind, or a flow on vectors.
        """
        if len(self.event_shape) == 1:
            raise ValueError(f"{self.name} is a flow on vectors: bits_per_dim is of images alone.")
        images, labels = self._check_events(images, labels)
        warn_if_quantised(images, "bits_per_dim")
        return self._bits_per_dim(images, seeds.row_seeds(seed, images.shape[0]), labels)

    def split_latents(self, latents) -> list[tf.Tensor]:
        """Latents `[N, D]` as the parts of the levels, `[N, H_i, W_i, C_i]`, finest first.

        Raises:
          ValueError: latents of another size, or a flow on vectors, which has no levels.
        """
        if len(self.event_shape) == 1:
            raise ValueError(f"{self.name} is a flow on vectors: split_latents is of images alone.")
        latents = check_latents(latents, self.latent_size)
        return self.bijector().bijectors[0].split_latents(latents)

    def level_log_dets(self, images, labels=None) -> list[tf.Tensor]:
        """What each level adds to log p, in nats, float32 `[N]` each; preprocessing is not counted.

        A level that stretches without bound, or flattens, shows here before it shows in samples.

        Raises:
          ValueError: images of a wrong kind, or a flow on vectors, which has no levels.
        """
        if len(self.event_shape) == 1:
            raise ValueError(f"{self.name} is a flow on vectors: level_log_dets is of images alone.")
        images, labels = self._check_events(images, labels)
        return self._level_log_dets(images, labels)

    def training_histograms(self, images, labels=None):
        if len(self.event_shape) == 1:
            return {}
        levels = self.level_log_dets(images, labels)
        return {f"log_det/level_{level}": values for level, values in enumerate(levels)}

    def initialize(self, images, labels=None) -> None:
        """See `ZooModel.initialize`."""
        super().initialize(images, labels)
        if len(self.event_shape) == 3:
            warn_if_quantised(tf.convert_to_tensor(images), "fit")

    def evaluate(self, x=None, *args, **kwargs):
        """Keras's `evaluate`: the mean loss. As `fit`, it warns of float images that hold 8-bit pixels."""
        batch = next(iter(x), None) if isinstance(x, tf.data.Dataset) else x
        images = next(iter(tf.nest.flatten(batch)), None)
        if len(self.event_shape) == 3 and hasattr(images, "dtype"):
            warn_if_quantised(images, "evaluate")
        return super().evaluate(x, *args, **kwargs)

    def interpolate(self, image_a, image_b, steps: int, labels=None) -> tf.Tensor:
        """Images on the straight line between two images' latents, both ends included.

        Args:
          image_a, image_b: one image each, `[H, W, C]` (or vectors `[D]`).
          steps: at least 2.
          labels: one int for all, of a conditional model.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].
        """
        steps = check_count("steps", steps, 2)
        first, label = self._check_one(image_a, labels, "image_a")
        last, _ = self._check_one(image_b, labels, "image_b")
        path = tf.linspace(self._encode(first, label)[0], self._encode(last, label)[0], steps)
        images = self.decode(path, labels)
        self._check_restored(first, images[:1])
        self._check_restored(last, images[-1:])
        return images

    def serving_signatures(self) -> list[Signature]:
        """What an export of the flow offers a server, the main one first: see `flow_signatures`."""
        return flow_signatures(self)

    def _check_events(self, events, labels):
        if len(self.event_shape) == 1:
            events = check_vectors(events, self.latent_size)
        else:
            events = check_images(events, self.event_shape)
        return events, self._check_labels(labels, events.shape[0])

    def _check_restored(self, events, restored):
        """`restored`, if it is `events` up to rounding."""
        error = np.asarray(self._error(events, restored))
        if not (error <= 1).all():
            row = int(np.argmax(~(error <= 1)))
            kind = "images" if len(self.event_shape) == 3 else "vectors"
            raise ValueError(
                f"{kind} are not restored by float32 arithmetic, row {row} for one: "
                f"expected {kind} more like those that {self.name} was trained on."
            )
        return restored

    def _error(self, events, restored):
        """float32 `[N]`: the largest error of a row, in half bins of [0, 1], or of a vector's size."""
        x = tf.reshape(bin_centres(events, self.num_bits), [-1, self.latent_size])
        error = tf.reduce_max(tf.abs(tf.reshape(restored, [-1, self.latent_size]) - x), axis=1)
        size = 1.0 if len(self.event_shape) == 3 else tf.maximum(1.0, tf.reduce_max(tf.abs(x), axis=1))
        return 2.0 ** (self.num_bits + 1) * error / size

    def _check_one(self, event, labels, name):
        """A single event as a batch of one."""
        event = as_tensor(event, name)
        if event.shape != self.event_shape:
            raise ValueError(f"{name} has shape {tuple(event.shape)}, expected {self.event_shape}.")
        event = event[None]
        if len(self.event_shape) == 1:
            event = check_vectors(event, self.latent_size, name)
        else:
            event = check_images(event, self.event_shape, name)
        return event, self._check_labels(labels, 1)

    # The compiled halves of the public methods: checked tensors in, tensors out.

    @compiled
    def _sample(self, row_seeds, temperature, labels):
        latents = seeds.normal(row_seeds, (self.latent_size,))
        return self._generate(temperature * latents, labels)

    @compiled
    def _encode(self, images, labels):
        return self.bijector(labels).forward(bin_centres(images, self.num_bits))

    @compiled
    def _decode(self, latents, labels):
        return self._generate(latents, labels)

    @compiled
    def _log_prob(self, images, labels):
        return self._density(self.bijector(labels)).log_prob(bin_centres(images, self.num_bits))

    @compiled
    def _level_log_dets(self, images, labels):
        levels, *preprocessing = self.bijector(labels).bijectors
        x = tfb.Chain(preprocessing).forward(bin_centres(images, self.num_bits))
        return levels.level_log_dets(x)

    @compiled
    def _bits_per_dim(self, images, row_seeds, labels):
        noise = seeds.uniform(row_seeds, self.event_shape)
        return self._loss(dequantise(images, noise, self.num_bits), self.bijector(labels))

    def _generate(self, latents, labels):
        events = self.bijector(labels).inverse(latents)
        return events if len(self.event_shape) == 1 else tf.clip_by_value(events, 0.0, 1.0)
