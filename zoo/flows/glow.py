"""Glow: generative flow with invertible 1x1 convolutions (Kingma & Dhariwal 2018, arXiv:1807.03039)."""

import functools

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ...bijectors import (
    ActNorm,
    AdditiveCoupling,
    AffineCoupling,
    GaussianBins,
    HistogramEqualization,
    InvertibleConv1x1,
    MultiScale,
    Repeat,
    Squeeze,
    center,
    sigmoid_scale,
)
from ..checks import check_choice, check_count, check_image_shape
from ..networks.stacked_conv_net import StackedConvNet
from ..networks.zero_conv import ZeroConv2D
from .multi_scale_flow import MultiScaleFlow

tfb = tfp.bijectors

COUPLINGS = ("affine", "additive")
PERMUTATIONS = ("conv", "reverse", "shuffle")
PREPROCESSES = ("center", "equalize")
OLD_PREPROCESSES = {"centre": "center", "equalise": "equalize"}

# The smallest scale of an affine coupling. With 1e-4, one of 10,000 Fashion-MNIST samples overflowed: a large
# value made the next network's scale even smaller, coupling after coupling. 0.1 costs no measurable bits.
MIN_SCALE = 0.1

# Inputs of coupling and prior networks are clipped to +- this value. Actnorm keeps them below 10 for images,
# and below 35 for all but 2 of 20,000 samples. Those 2 were diverging: far from the data a network is linear,
# so the inputs of the next one are even larger, and at temperature 1.5 exp(log_std) overflowed.
MAX_INPUT = 50.0


@keras.saving.register_keras_serializable(package="latentzoo")
class Glow(MultiScaleFlow):
    """Glow, with L levels of K flow steps (figure 2).

    One step is actnorm, a permutation of the channels and a coupling (figure 2a, Table 1). A level
    squeezes, applies its K steps and factors out half of the channels under a learned prior; the last
    level keeps them all (figure 2b). The scale of an affine coupling is sigmoid(h + 2), as in the paper's
    code, plus 0.1, and network inputs are clipped to +-50, so that samples do not overflow at usual
    temperatures.

    Args:
      image_shape: (H, W, C); H and W multiples of 2^levels.
      levels: L, the number of levels.
      depth: K, the number of steps per level.
      width: channels of the coupling networks' hidden layers (the paper: 512).
      coupling: "affine" or "additive".
      permutation: "conv" (invertible 1x1 convolution), "reverse" or "shuffle" (fixed): section 6.1.
      num_classes: number of classes, for a class-conditional top prior, or 0.
      num_bits: number of bits per color channel that are modeled, at most 8 (the paper's faces: 5).
      preprocess: "center" (the paper): x - 1/2. "equalize": also makes the noise in each bin Gaussian
        (`latentzoo.bijectors.GaussianBins`) and equalizes the histogram of the batch passed to `initialize`
        (`HistogramEqualization`); useful for images with a flat background.
      reversible: if False, fastest while memory allows. If True, activations are recomputed in the backward
        pass, so that memory does not grow with depth; see `latentzoo.bijectors.Repeat`.
      seed: integer seed of the initial weights and of the dequantization noise in training.
      dtype: Keras dtype policy of the networks, such as "mixed_bfloat16"; the flow stays in float32.

    Raises:
      ValueError: an invalid argument.

    Example:

    >>> import numpy as np
    >>> from latentzoo.zoo.flows import Glow
    >>> model = Glow(image_shape=(8, 8, 1), levels=2, depth=2, width=8)
    >>> images = np.random.default_rng(0).integers(0, 256, [4, 8, 8, 1], dtype=np.uint8)
    >>> model.initialize(images)
    >>> latents = model.encode(images)
    >>> latents.shape
    TensorShape([4, 64])
    >>> bool(np.abs(model.decode(latents) - (images + 0.5) / 256).max() < 1e-5)
    True
    """

    _depends_on_data = True

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        levels: int = 2,
        depth: int = 16,
        width: int = 128,
        coupling: str = "affine",
        permutation: str = "conv",
        num_classes: int = 0,
        num_bits: int = 8,
        preprocess: str = "center",
        reversible: bool = False,
        seed: int = 0,
        **kwargs,
    ):
        self.image_shape = check_image_shape(image_shape, levels)
        super().__init__(
            self.image_shape,
            num_classes=num_classes,
            num_bits=check_count("num_bits", num_bits, 1, 8),
            seed=seed,
            **kwargs,
        )
        self.levels = levels
        self.depth = check_count("depth", depth, 1)
        self.width = check_count("width", width, 1)
        self.coupling = check_choice("coupling", coupling, COUPLINGS)
        self.permutation = check_choice("permutation", permutation, PERMUTATIONS)
        self.preprocess = check_choice("preprocess", preprocess, PREPROCESSES, old_values=OLD_PREPROCESSES)
        self.reversible = bool(reversible)

        if self.preprocess == "equalize":
            self._histogram = self.add_weight(
                shape=(2**self.num_bits,),
                dtype="float32",
                initializer=keras.initializers.Constant(2.0**-self.num_bits),
                trainable=False,
                autocast=False,
                name="histogram",
            )
        height, width_, channels = self.image_shape
        self._steps, self._split_priors = [], []
        for level in range(levels):
            channels = 4 * channels
            self._steps.append(self._make_steps(level, channels))
            if level < levels - 1:
                channels //= 2
                self._split_priors.append(
                    ZeroConv2D(channels, 2 * channels, dtype="float32", name=f"split_prior_{level}")
                )
        top_shape = (height // 2**levels, width_ // 2**levels, channels)
        self._top_prior = TopPrior(top_shape, num_classes, dtype="float32", name="top_prior")
        self.built = True

    def _make_steps(self, level, channels):
        return FlowSteps(
            depth=self.depth,
            channels=channels,
            width=self.width,
            coupling=self.coupling,
            permutation=self.permutation,
            reversible=self.reversible,
            seed=int(np.random.default_rng([self.seed, level]).integers(2**31)),
            dtype=self.dtype_policy,
            name=f"level_{level}",
        )

    def multi_scale(self, labels=None) -> MultiScale:
        levels = [tfb.Chain([steps.bijector(), Squeeze()]) for steps in self._steps]
        split_priors = [_fresh_prior(layer) for layer in self._split_priors]
        priors = [*split_priors, lambda h: self._top_prior(labels)]
        return MultiScale(levels, priors, self.image_shape)

    def preprocessing(self) -> list[tfb.Bijector]:
        if self.preprocess == "center":
            return [center()]
        equalize = HistogramEqualization(tf.convert_to_tensor(self._histogram))
        return [center(), equalize, GaussianBins(self.num_bits)]

    def _initialize(self, images, labels):
        x = self.events.dequantize(images, self._training_noise(images))
        if self.preprocess == "equalize":
            self._histogram.assign(HistogramEqualization.masses_of(x, 2**self.num_bits))
        x = tfb.Chain(self.preprocessing()).forward(x)
        for level, steps in enumerate(self._steps):
            x = steps.initialize(Squeeze().forward(x))
            if level < self.levels - 1:
                x, _ = tf.split(x, 2, axis=-1)


class FlowSteps(keras.layers.Layer):
    """The K flow steps of one level, their weights stacked along a first axis (Glow, figure 2a).

    Args: see `Glow`; `channels` is the number of channels of the squeezed images.
    """

    def __init__(self, depth, channels, width, coupling, permutation, reversible, seed, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.depth = depth
        self.coupling = coupling
        self.permutation = permutation
        self.reversible = reversible
        self._log_scale = self._add("actnorm_log_scale", np.zeros([depth, channels]))
        self._shift = self._add("actnorm_shift", np.zeros([depth, channels]))
        self._permutation_weights = self._add_permutation(depth, channels, seed)
        passive = channels // 2
        active = channels - passive
        self._network = StackedConvNet(
            depth,
            passive,
            width,
            active * (2 if coupling == "affine" else 1),
            seed,
            dtype=self.dtype_policy,
            name=f"{self.name}_network",  # Keras requires distinct paths of all weights
        )
        self.built = True

    def _add(self, name, value, trainable=True):
        return self.add_weight(
            shape=value.shape,
            dtype="int32" if value.dtype.kind == "i" else "float32",
            initializer=lambda shape, dtype: tf.constant(value, dtype),
            trainable=trainable,
            autocast=False,
            name=name,
        )

    def _add_permutation(self, depth, channels, seed):
        rng = np.random.default_rng(seed)
        if self.permutation == "conv":
            factors = [
                InvertibleConv1x1.random_rotation(channels, int(rng.integers(2**31))) for _ in range(depth)
            ]
            return {
                name: self._add(f"conv_{name}", np.stack(values), name not in ("permutation", "sign"))
                for name, *values in zip(factors[0]._fields, *factors, strict=True)
            }
        if self.permutation == "shuffle":
            order = np.stack([rng.permutation(channels) for _ in range(depth)])
        else:
            order = np.tile(np.arange(channels)[::-1], [depth, 1])
        return {"order": self._add("permutation_order", order, trainable=False)}

    def _parameters(self):
        """Returns all weights of the steps as one structure of tensors `[K, ...]`."""
        return {
            "actnorm": {
                "log_scale": tf.convert_to_tensor(self._log_scale),
                "shift": tf.convert_to_tensor(self._shift),
            },
            "permutation": {
                name: tf.convert_to_tensor(weight) for name, weight in self._permutation_weights.items()
            },
            "network": self._network.parameters(),
        }

    def step(self, p) -> tfb.Bijector:
        """Returns one flow step: actnorm, permutation, coupling, in this order (Table 1, top to bottom)."""
        actnorm = ActNorm(**p["actnorm"])
        if self.permutation == "conv":
            permutation = InvertibleConv1x1(**p["permutation"])
        else:
            permutation = tfb.Permute(p["permutation"]["order"])
        coupling = _affine_coupling if self.coupling == "affine" else AdditiveCoupling
        last = coupling(lambda x: StackedConvNet.apply(p["network"], _cut_off(x)))
        return tfb.Chain([last, permutation, actnorm])

    def bijector(self) -> Repeat:
        """Returns the K steps as one bijector, with the current weights."""
        return Repeat(lambda p: self.step(p), self._parameters(), reversible=self.reversible)

    def initialize(self, x: tf.Tensor) -> tf.Tensor:
        """Initializes the actnorms one after another from data (section 3.1); returns the output for x."""
        parameters = self._parameters()

        @tf.function(autograph=False)  # traced once, regardless of depth
        def initialize_step(k, x):
            p = tf.nest.map_structure(lambda leaf: leaf[k], parameters)
            log_scale, shift = ActNorm.data_dependent_init(x)
            p["actnorm"] = {"log_scale": log_scale, "shift": shift}
            return log_scale, shift, self.step(p).forward(x)

        log_scales, shifts = [], []
        for k in tf.range(self.depth):
            log_scale, shift, x = initialize_step(k, x)
            log_scales.append(log_scale)
            shifts.append(shift)
        self._log_scale.assign(tf.stack(log_scales))
        self._shift.assign(tf.stack(shifts))
        return x


class TopPrior(keras.layers.Layer):
    """Learned mean and log standard deviation of the last level's latents, per class if there are classes.

    Glow's code convolves zeros, which yields one number per channel, and adds an embedding of the class.

    Args:
      event_shape: (H, W, C) of the latents.
      num_classes: number of classes, or 0.
    """

    def __init__(self, event_shape, num_classes, **kwargs):
        super().__init__(autocast=False, **kwargs)
        channels = event_shape[-1]
        self.prior = self.add_weight(shape=(2 * channels,), initializer="zeros", autocast=False, name="prior")
        self.embedding = None
        if num_classes:
            self.embedding = self.add_weight(
                shape=(num_classes, 2 * channels),
                initializer="zeros",
                autocast=False,
                name="embedding",
            )
        self.built = True

    def call(self, labels=None):
        h = tf.convert_to_tensor(self.prior)
        if self.embedding is not None:
            h = h + tf.gather(tf.convert_to_tensor(self.embedding), labels)[..., None, None, :]
        mean, log_std = tf.split(h, 2, axis=-1)
        return mean, log_std


def _affine_coupling(network):
    return AffineCoupling(network, scale=functools.partial(sigmoid_scale, floor=MIN_SCALE))


def _fresh_prior(layer):
    """Returns `layer` as a prior: (mean, log_std). A new function each time, distinct to TFP's cache."""
    return lambda h: tf.split(layer(_cut_off(h)), 2, axis=-1)


def _cut_off(x):
    return tf.clip_by_value(x, -MAX_INPUT, MAX_INPUT)
