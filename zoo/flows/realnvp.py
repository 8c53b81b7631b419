"""RealNVP: real-valued non-volume preserving transformations (Dinh et al. 2016, arXiv:1605.08803)."""

import itertools
import math
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ...bijectors import (
    AffineCoupling,
    BatchNorm,
    ChannelHalves,
    Checkerboard,
    MultiScale,
    Squeeze,
    logit,
    tanh_scale,
)
from .. import fit_data
from ..checks import check_count, check_image_shape
from ..compiled import compiled
from ..networks.residual import ResidualConvNet, ResidualDenseNet
from .multi_scale_flow import MultiScaleFlow

tfb = tfp.bijectors

# The momentum of the moving statistics: they average over about a hundred batches.
MOMENTUM = 0.99

# The number of batches over which the statistics are averaged at the end of training.
_FINAL_BATCHES = 200


@keras.saving.register_keras_serializable(package="latentzoo")
class RealNVP(MultiScaleFlow):
    """RealNVP for images, with the multi-scale architecture of section 3.6, or for vectors.

    Images are mapped by the logit of section 4.1. A level consists of `depth` couplings with checkerboard
    masks, a squeeze and `depth` couplings with channel masks; then half of the channels are factored out. The
    last level consists of `depth + 1` checkerboard couplings. Each coupling is followed by batch
    normalization (section 3.7). All latents are standard normal, as in the paper: the last coupling of a
    level transforms the half that is factored out given the half that is kept, and thereby acts as its
    learned prior.

    Vectors are mapped by `depth` couplings with alternating halves.

    Args:
      image_shape: (H, W, C); H and W multiples of 2^levels.
      event_shape: (D,) with D at least 2, for a flow on vectors instead of images.
      levels: number of scales of an image.
      depth: number of couplings of each kind per level (the paper: 3), or of all couplings for vectors.
      width: units or channels of the networks' hidden layers (the paper: 32 or 64).
      blocks: number of residual blocks per network (the paper: 4 or 8).
      num_classes: number of classes, whose embeddings are added to the networks' first layer, or 0.
      num_bits: number of bits per color channel that are modeled, at most 8.
      seed: integer seed of the initial weights and of the dequantization noise in training.
      dtype: Keras dtype policy of the networks, such as "mixed_bfloat16"; the flow stays in float32.

    Raises:
      ValueError: an invalid argument.

    Example: two moons in plain Keras. More steps improve the density.

    >>> import keras
    >>> from latentzoo.data import two_moons
    >>> from latentzoo.zoo.flows import RealNVP
    >>> points, _ = two_moons("train")
    >>> model = RealNVP(event_shape=(2,), depth=4, width=32)
    >>> model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
    >>> history = model.fit(points[:2048], batch_size=128, verbose=0)
    >>> model.sample(5).shape, model.log_prob(points[:3]).shape
    (TensorShape([5, 2]), TensorShape([3]))
    """

    _needs_whole_batch = True  # batch normalization
    _depends_on_data = True

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        event_shape: tuple[int] | None = None,
        levels: int = 2,
        depth: int = 3,
        width: int = 64,
        blocks: int = 2,
        num_classes: int = 0,
        num_bits: int = 8,
        seed: int = 0,
        **kwargs,
    ):
        self.image_shape = check_image_shape(image_shape, levels) if event_shape is None else None
        super().__init__(
            self.image_shape or _check_vector_shape(event_shape),
            num_classes=num_classes,
            num_bits=check_count("num_bits", num_bits, 1, 8),
            seed=seed,
            **kwargs,
        )
        self.levels = levels
        self.depth = check_count("depth", depth, 1)
        self.width = check_count("width", width, 1)
        self.blocks = check_count("blocks", blocks, 0)
        if self.image_shape is None:
            self._couplings = self._make_vector_couplings()
        else:
            self._couplings = self._make_image_couplings(self.image_shape[-1])
        self.built = True

    def _make_image_couplings(self, channels):
        """Returns the couplings of each level: those before the squeeze and those after it."""
        couplings = []
        seeds = self._seeds()
        for level in range(self.levels):
            last = level == self.levels - 1
            boards = [Checkerboard((k + 1) % 2) for k in range(self.depth + last)]
            before = [
                self._coupling(f"level_{level}_board_{k}", m, channels, next(seeds))
                for k, m in enumerate(boards)
            ]
            # Counted from the end, so that the last one transforms the half that is factored out.
            halves = [_half((self.depth - k) % 2) for k in range(0 if last else self.depth)]
            channels *= 4
            after = [
                self._coupling(f"level_{level}_half_{k}", m, channels, next(seeds))
                for k, m in enumerate(halves)
            ]
            channels //= 2
            couplings.append([before, after])
        return couplings

    def _make_vector_couplings(self):
        halves = [_half((k + 1) % 2) for k in range(self.depth)]
        seeds = self._seeds()
        return [
            self._coupling(f"half_{k}", m, self.event_shape[0], next(seeds)) for k, m in enumerate(halves)
        ]

    def _seeds(self):
        """Yields a seed for each coupling, derived from the model's."""
        rng = np.random.default_rng(self.seed)
        while True:
            yield int(rng.integers(2**31))

    def _coupling(self, name, mask, channels, seed):
        return NormalisedCoupling(
            mask=mask,
            channels=channels,
            width=self.width,
            blocks=self.blocks,
            num_classes=self.num_classes,
            event_ndims=len(self.event_shape),
            seed=seed,
            dtype=self.dtype_policy,
            name=name,
        )

    def multi_scale(self, labels=None) -> MultiScale:
        return self._levels(lambda coupling: coupling.bijector(labels))

    def preprocessing(self) -> list[tfb.Bijector]:
        return [logit()]

    def bijector(self, labels=None) -> tfb.Bijector:
        return self._assemble(lambda coupling: coupling.bijector(labels))

    def training_bijector(self, labels=None) -> tfb.Bijector:
        """Returns the map that normalizes by batch statistics and updates the moving statistics.

        Frozen couplings use the moving statistics and do not update them.
        """
        return self._assemble(lambda coupling: coupling.bijector(labels, MOMENTUM))

    def _assemble(self, bijector):
        """Returns the whole map, composed of `bijector(coupling)` for each coupling."""
        if self.image_shape is None:
            return _in_turn([bijector(coupling) for coupling in self._couplings])
        return tfb.Chain([self._levels(bijector), *self.preprocessing()])

    def _levels(self, bijector):
        assert self.image_shape is not None  # vectors have no levels
        levels = []
        for before, after in self._couplings:
            squeeze = [Squeeze()] if after else []
            levels.append(_in_turn([*map(bijector, before), *squeeze, *map(bijector, after)]))
        return MultiScale(levels, [_standard_normal] * self.levels, self.image_shape)

    def estimate_statistics(self, batches: Iterable) -> None:
        """Sets the moving statistics to the mean over `batches` with the current weights.

        Training updates them along with the weights. Use this method for weights that were changed by
        other means, for example by averaging.

        Args:
          batches: images or (images, labels), as for `fit`; a few hundred, of the batch size of training.

        Raises:
          ValueError: a batch of one example.
        """
        for k, batch in enumerate(batches):
            images, labels = self._images_and_labels(batch)
            images = tf.convert_to_tensor(images)
            self._check_batch_size(images.shape[0])
            moves = tuple(coupling.trainable for coupling in self.layers)
            self._average_statistics(images, labels, tf.constant(k / (k + 1), tf.float32), moves)

    def finish_training(self, batches: Iterable) -> None:
        """Re-estimates the moving statistics, which belong to the raw weights, for the averaged weights."""
        self.estimate_statistics(itertools.islice(batches, _FINAL_BATCHES))

    @compiled
    def _average_statistics(self, images, labels, momentum, moves):
        del moves  # a constant of the graph: another set of frozen layers needs another graph
        x = self.events.dequantize(images, self._training_noise(images))
        self._assemble(lambda coupling: coupling.bijector(labels, momentum)).forward(x)

    def _initialize(self, images, labels):
        self.estimate_statistics([(images, labels)])

    @property
    def _checks_batches(self):
        return super()._checks_batches or any(coupling.trainable for coupling in self.layers)

    def _check_training_batch(self, batch):
        super()._check_training_batch(batch)
        strategy, images = self.distribute_strategy, keras.utils.unpack_x_y_sample_weight(batch)[0]
        counts = fit_data.row_counts(strategy, images)
        if len(counts) == strategy.num_replicas_in_sync:  # otherwise other workers have more
            self._check_batch_size(sum(counts))

    def _check_sizes(self, x, batch_size, split, steps_per_epoch):
        super()._check_sizes(x, batch_size, split, steps_per_epoch)
        if fit_data.is_array(x) and steps_per_epoch is None:
            count, size = math.floor(len(x) * (1 - split)), batch_size or 32
            self._check_batch_size(1 if size == 1 else count % size)

    def _check_batch_size(self, size):
        """Raises ValueError for a batch of one, whose statistics would corrupt the moving statistics."""
        if size == 1 and any(coupling.trainable for coupling in self.layers):
            raise ValueError(
                "x has a batch of one example, expected at least two for batch normalization: choose "
                "another batch_size, or drop the last batch."
            )

    def get_config(self):
        config = super().get_config()
        for name in ["event_shape"] if self.image_shape else ["image_shape", "levels", "num_bits"]:
            del config[name]  # not used for this kind of event
        return config


# The paths in weight files begin with this name, so its spelling stays.
class NormalisedCoupling(keras.layers.Layer):
    """One affine coupling and its batch normalization (sections 3.2 to 3.4 and 3.7).

    Args:
      mask: mask of the coupling.
      channels: number of channels of the input, or the size of a vector.
      width, blocks, num_classes, seed: see `RealNVP`.
      event_ndims: 3 for images, 1 for vectors.
    """

    def __init__(self, mask, channels, width, blocks, num_classes, event_ndims, seed, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.mask = mask
        self.event_ndims = event_ndims
        active = mask.active_channels(channels)
        passive = channels if isinstance(mask, Checkerboard) else channels - active
        network = ResidualDenseNet if event_ndims == 1 else ResidualConvNet
        squeezed = {"squeeze": isinstance(mask, Checkerboard)} if event_ndims == 3 else {}
        self.network = network(
            passive, width, 2 * active, depth=blocks, num_classes=num_classes, seed=seed,
            dtype=self.dtype_policy, name="network", **squeezed,
        )  # fmt: skip
        self.gain = self._add("gain", active, "ones")
        # Every replica computes the same statistics.
        moving = {"trainable": False, "aggregation": "only_first_replica"}
        self.moving_mean = self._add("moving_mean", channels, "zeros", **moving)
        self.moving_variance = self._add("moving_variance", channels, "ones", **moving)
        self.built = True

    def _add(self, name, size, initializer, **kwargs):
        return self.add_weight(
            shape=(size,), dtype="float32", initializer=initializer, autocast=False, name=name, **kwargs
        )

    def bijector(self, labels=None, momentum: float | tf.Tensor | None = None) -> tfb.Bijector:
        """Returns the coupling followed by batch normalization.

        Args:
          labels: int `[N]`, for conditional models.
          momentum: None to normalize by the moving statistics. A number in [0, 1) to normalize by those of
            the batch, which update the moving ones with weight 1 - momentum. Ignored by a frozen layer.
        """
        momentum = momentum if self.trainable else None
        coupling = AffineCoupling(
            lambda x: self.network(x, labels),
            mask=self.mask,
            scale=tanh_scale(tf.convert_to_tensor(self.gain)),
            event_ndims=self.event_ndims,
        )
        batch_norm = BatchNorm(
            tf.convert_to_tensor(self.moving_mean),
            tf.convert_to_tensor(self.moving_variance),
            training=momentum is not None,
            on_statistics=lambda mean, variance: self._move(mean, variance, momentum),
        )
        return tfb.Chain([batch_norm, coupling])

    def _move(self, mean, variance, momentum):
        # Statistics that are not finite would remain in the averages forever.
        finite = tf.math.is_finite(tf.reduce_sum(mean) + tf.reduce_sum(variance))
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(tf.where(finite, momentum * moving + (1 - momentum) * new, moving))


def _in_turn(bijectors):
    """Returns the chain that applies the first of `bijectors` first."""
    return tfb.Chain(bijectors[::-1])


def _half(second):
    return ChannelHalves("second" if second else "first")


def _standard_normal(h):
    return tf.zeros_like(h), tf.zeros_like(h)


def _check_vector_shape(event_shape):
    shape = tuple(event_shape)
    if len(shape) != 1:
        raise ValueError(f"event_shape is {event_shape!r}, expected one integer (D,).")
    return (check_count("event_shape", shape[0], 2),)
