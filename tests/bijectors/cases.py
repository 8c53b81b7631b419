"""The table of cases that drives the tests of bijectors: one row for each bijector in each of its forms.

To test a new bijector, write a function `event_shape -> (parameters, build)` and add its rows to `CASES`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import (
    ActNorm,
    AdditiveCoupling,
    AffineCoupling,
    AlternatingChannels,
    BatchNorm,
    ChannelHalves,
    Checkerboard,
    GaussianBins,
    HistogramEqualization,
    InvertibleConv1x1,
    MaskedAutoregressive,
    MultiScale,
    Repeat,
    Squeeze,
    autoregressive_masks,
    center,
    logit,
    sigmoid_scale,
    tanh_scale,
)

from .networks import Parameters, network, network_parameters, normal
from .residual import Residual

tfb = tfp.bijectors

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A bijector on events of one shape.

    Attributes:
      name: of the test.
      event_shape: of the inputs of forward.
      family: event_shape -> (parameters, build): the parameters in float64, all away from the values where
        training starts, and the function that makes the bijector of them.
      unit_interval: whether the inputs lie in (0, 1), and not on the real line.
      inverse_tolerance: in float64; 0 of a closed form.
      estimated_log_det: whether the log-determinant is an estimate. Its seed is the parameter "seed".
      value_only: whether values come without their log-determinants.
    """

    name: str
    event_shape: Shape
    family: Callable[[Shape], tuple[Parameters, Callable[[Parameters], tfb.Bijector]]]
    unit_interval: bool = False
    inverse_tolerance: float = 0.0
    estimated_log_det: bool = False
    value_only: bool = False

    @property
    def event_ndims(self) -> int:
        return len(self.event_shape)

    @property
    def event_size(self) -> int:
        return math.prod(self.event_shape)

    @cached_property
    def _made(self):
        with tf.init_scope():
            return self.family(self.event_shape)

    def parameters(self, dtype=tf.float64) -> Parameters:
        return {
            name: tf.cast(value, dtype) if value.dtype.is_floating else value
            for name, value in self._made[0].items()
        }

    def build(self, parameters: Parameters) -> tfb.Bijector:
        return self._made[1](parameters)

    def inputs(self, batch_shape=(), dtype=tf.float64, seed=0) -> tf.Tensor:
        shape = [*batch_shape, *self.event_shape]
        if self.unit_interval:
            return tf.random.stateless_uniform(shape, [seed, 1], dtype=dtype)
        return tf.random.stateless_normal(shape, [seed, 1], dtype=dtype)


def stacked(family, event_shape: Shape, num_steps: int) -> tuple[Parameters, Callable]:
    """`num_steps` different sets of a family's parameters, stacked along a first axis."""
    parameters, build = family(event_shape)
    steps = [
        {
            name: _changed(name, value, k, seed=100 * k + i)
            for i, (name, value) in enumerate(parameters.items())
        }
        for k in range(num_steps)
    ]
    return {name: tf.stack([step[name] for step in steps]) for name in parameters}, build


def _changed(name, value, k, seed):
    if name == "seed":
        return value + k
    return value if name in FIXED else value + 0.3 * normal(*value.shape, seed=seed)


# Parameters that are never trained.
FIXED = ("permutation", "sign", "moving_mean", "moving_variance", "seed")

# Of an iteration whose numbers are of size 1, a few roundings.
TOLERANCES = {tf.float32: 1e-6, tf.float64: 1e-14}


# The families.


def actnorm(event_shape):
    channels = event_shape[-1]
    parameters = {"log_scale": normal(channels, seed=1), "shift": normal(channels, seed=2)}
    return parameters, lambda p: ActNorm(p["log_scale"], p["shift"])


def invertible_conv(event_shape):
    channels = event_shape[-1]
    factors = InvertibleConv1x1.random_rotation(channels, seed=3, dtype="float64")._asdict()
    for i, name in enumerate(["lower", "upper", "log_diagonal"]):
        factors[name] = factors[name] + normal(*factors[name].shape, seed=4 + i, stddev=0.2)
    parameters = {name: tf.constant(value) for name, value in factors.items()}
    return parameters, lambda p: InvertibleConv1x1(**p)


def batch_norm(event_shape):
    channels = event_shape[-1]
    parameters = {
        "moving_mean": normal(channels, seed=7),
        "moving_variance": tf.exp(normal(channels, seed=8)),
    }
    return parameters, lambda p: BatchNorm(**p, epsilon=1e-3)


def additive_coupling(mask=ChannelHalves()):
    def family(event_shape):
        active = mask.active_channels(event_shape[-1])
        passive = event_shape[-1] - (0 if isinstance(mask, Checkerboard) else active)
        parameters = network_parameters(event_shape, passive, active, seed=10)
        return parameters, lambda p: AdditiveCoupling(network(p), mask, len(event_shape))

    return family


def affine_coupling(mask=ChannelHalves(), scale="sigmoid"):
    def family(event_shape):
        active = mask.active_channels(event_shape[-1])
        passive = event_shape[-1] - (0 if isinstance(mask, Checkerboard) else active)
        parameters = network_parameters(event_shape, passive, 2 * active, seed=20)
        if scale == "tanh":
            parameters["gain"] = normal(active, seed=23)

        def build(p):
            log_scale = tanh_scale(p["gain"]) if scale == "tanh" else sigmoid_scale
            return AffineCoupling(network(p), mask, log_scale, len(event_shape))

        return parameters, build

    return family


def masked_autoregressive(scale="sigmoid"):
    def family(event_shape):
        (size,) = event_shape
        masks = autoregressive_masks(size, (7,))
        parameters = {
            "hidden": normal(*masks[0].shape, seed=50),
            "out": normal(*masks[1].shape, seed=51),
            "bias": normal(2 * size, seed=52),
        }
        if scale == "tanh":
            parameters["gain"] = normal(size, seed=53)

        def build(p):
            masked = p | {name: p[name] * mask for name, mask in zip(("hidden", "out"), masks, strict=True)}
            log_scale = tanh_scale(p["gain"]) if scale == "tanh" else sigmoid_scale
            return MaskedAutoregressive(network(masked), log_scale)

        return parameters, build

    return family


def residual(estimate=False):
    """Lipschitz constant of the network at most 1/2, by the Frobenius norms of its kernels."""

    def family(event_shape):
        parameters = network_parameters(event_shape, event_shape[-1], event_shape[-1], seed=60)
        if estimate:
            parameters["seed"] = tf.constant([6, 3])
        seen_thrice = 3 if len(event_shape) == 3 else 1

        def build(p):
            hidden = p["hidden"] / (tf.norm(p["hidden"]) * math.sqrt(seen_thrice))
            contraction = network(p | {"hidden": hidden, "out": 0.5 * p["out"] / tf.norm(p["out"])})
            return Residual(contraction, len(event_shape), TOLERANCES[hidden.dtype], p.get("seed"))

        return parameters, build

    return family


def residual_step(estimate=False):
    """Actnorm and a residual block (Residual Flow, appendix E)."""

    def family(event_shape):
        (block, build_block), (norm, build_norm) = residual(estimate)(event_shape), actnorm(event_shape)

        def build(p):
            return tfb.Chain([build_block(p), build_norm({name: p[name] for name in norm})])

        return block | norm, build

    return family


def glow_step(coupling):
    """Actnorm, 1x1 convolution, coupling (Glow, figure 2a)."""

    def family(event_shape):
        parts = [coupling(event_shape), invertible_conv(event_shape), actnorm(event_shape)]
        parameters = {name: value for part, _ in parts for name, value in part.items()}

        def build(p):
            own = [{name: p[name] for name in part} for part, _ in parts]
            return tfb.Chain([build(mine) for (_, build), mine in zip(parts, own, strict=True)])

        return parameters, build

    return family


def repeat(of_step, reversible, num_steps=2):
    def family(event_shape):
        parameters, step = stacked(of_step, event_shape, num_steps)
        return parameters, lambda p: Repeat(step, p, len(event_shape), reversible)

    return family


def permuted(permutation):
    """A chain with TFP's own Permute of the channels."""

    def family(event_shape):
        parameters, build = affine_coupling()(event_shape)
        order = tfb.Permute(permutation(event_shape[-1]), axis=-1)
        return parameters, lambda p: tfb.Chain([build(p), order])

    return family


def squeeze(order):
    return lambda event_shape: ({}, lambda p: Squeeze(order))


def multi_scale(event_shape):
    """Two levels of a squeeze and a repeated step of Glow, with learned priors."""
    height, width, channels = event_shape
    shapes = [
        (height // 2, width // 2, 4 * channels),
        (height // 4, width // 4, 8 * channels),
    ]
    half = 2 * channels
    parameters, steps = {}, []
    for i, shape in enumerate(shapes):
        of_level, step = stacked(glow_step(affine_coupling()), shape, num_steps=1)
        parameters |= {f"{name}_{i}": value for name, value in of_level.items()}
        steps.append(step)
    parameters |= {
        "prior_kernel": normal(half, 2 * half, seed=30, stddev=0.3),
        "prior_bias": normal(2 * half, seed=31, stddev=0.3),
        "top_mean": normal(*shapes[1], seed=32),
        "top_log_std": normal(*shapes[1], seed=33),
    }

    def build(p):
        def split_prior(kept):
            output = tf.tensordot(kept, p["prior_kernel"], 1) + p["prior_bias"]
            return tf.split(output, 2, axis=-1)

        def level(i):
            own = {name[:-2]: value for name, value in p.items() if name.endswith(f"_{i}")}
            return tfb.Chain([Repeat(steps[i], own, reversible=True), Squeeze()])

        priors = [split_prior, lambda h: (p["top_mean"], p["top_log_std"])]
        return MultiScale([level(0), level(1)], priors, event_shape)

    return parameters, build


def histogram_equalization(event_shape):
    parameters = {"masses": tf.nn.softmax(normal(4, seed=40))}
    return parameters, lambda p: HistogramEqualization(p["masses"])


def without_parameters(make):
    return lambda event_shape: ({}, lambda p: make())


FIRST, SECOND = ChannelHalves("first"), ChannelHalves("second")
EVEN, ODD = AlternatingChannels(0), AlternatingChannels(1)
BLACK, WHITE = Checkerboard(0), Checkerboard(1)

IMAGE, VECTOR, TO_SQUEEZE, TWO_LEVELS = (2, 2, 3), (5,), (2, 4, 2), (4, 4, 1)

BY_ITERATION = {"inverse_tolerance": TOLERANCES[tf.float64], "value_only": True}

CASES = [
    Case("actnorm-image", IMAGE, actnorm),
    Case("actnorm-vector", VECTOR, actnorm),
    Case("invertible_conv-image", IMAGE, invertible_conv),
    Case("invertible_conv-vector", VECTOR, invertible_conv),
    Case("batch_norm-image", IMAGE, batch_norm),
    Case("batch_norm-vector", VECTOR, batch_norm),
    Case("additive_coupling-second_half-image", IMAGE, additive_coupling(SECOND)),
    Case("additive_coupling-white-image", IMAGE, additive_coupling(WHITE)),
    Case("additive_coupling-first_half-vector", VECTOR, additive_coupling(FIRST)),
    Case("affine_coupling-sigmoid-first_half-image", IMAGE, affine_coupling(FIRST, "sigmoid")),
    Case("affine_coupling-sigmoid-second_half-image", IMAGE, affine_coupling(SECOND, "sigmoid")),
    Case("affine_coupling-sigmoid-black-image", IMAGE, affine_coupling(BLACK, "sigmoid")),
    Case("affine_coupling-sigmoid-odd-vector", VECTOR, affine_coupling(ODD, "sigmoid")),
    Case("affine_coupling-sigmoid-second_half-vector", VECTOR, affine_coupling(SECOND, "sigmoid")),
    Case("affine_coupling-tanh-even-image", IMAGE, affine_coupling(EVEN, "tanh")),
    Case("affine_coupling-tanh-black-image", IMAGE, affine_coupling(BLACK, "tanh")),
    Case("affine_coupling-tanh-white-image", IMAGE, affine_coupling(WHITE, "tanh")),
    Case("affine_coupling-tanh-first_half-vector", VECTOR, affine_coupling(FIRST, "tanh")),
    Case("affine_coupling-tanh-even-vector", VECTOR, affine_coupling(EVEN, "tanh")),
    Case("masked_autoregressive-sigmoid", VECTOR, masked_autoregressive("sigmoid")),
    Case("masked_autoregressive-tanh", VECTOR, masked_autoregressive("tanh")),
    Case("reversal-image", IMAGE, permuted(lambda c: list(range(c))[::-1])),
    Case("shuffle-vector", VECTOR, permuted(lambda c: [*range(2, c), 0, 1])),
    Case("repeat-stored-affine-image", IMAGE, repeat(glow_step(affine_coupling()), reversible=False)),
    Case("repeat-stored-additive-vector", VECTOR, repeat(glow_step(additive_coupling()), reversible=False)),
    Case("repeat-reversible-affine-vector", VECTOR, repeat(glow_step(affine_coupling()), reversible=True)),
    Case("repeat-reversible-additive-image", IMAGE, repeat(glow_step(additive_coupling()), reversible=True)),
    Case("residual-exact-image", IMAGE, residual(), **BY_ITERATION),
    Case("residual-estimated-vector", VECTOR, residual(True), estimated_log_det=True, **BY_ITERATION),
    Case("repeat-stored-residual-vector", VECTOR, repeat(residual_step(), False), **BY_ITERATION),
    Case(
        "repeat-reversible-estimated-residual-vector",
        VECTOR,
        repeat(residual_step(estimate=True), reversible=True),
        estimated_log_det=True,
        **BY_ITERATION,
    ),
    Case("squeeze-channel_first", TO_SQUEEZE, squeeze("channel_first")),
    Case("squeeze-block_first", TO_SQUEEZE, squeeze("block_first")),
    Case("multi_scale", TWO_LEVELS, multi_scale),
    Case("center-image", IMAGE, without_parameters(center), unit_interval=True),
    Case("logit-image", IMAGE, without_parameters(logit), unit_interval=True),
    Case("histogram_equalization-image", IMAGE, histogram_equalization, unit_interval=True),
    Case("histogram_equalization-vector", VECTOR, histogram_equalization),
    Case("gaussian_bins-image", IMAGE, without_parameters(lambda: GaussianBins(2)), unit_interval=True),
    Case("gaussian_bins-vector", VECTOR, without_parameters(lambda: GaussianBins(1))),
]

# The cases that are made of other operations than those before them, which is what a compiler or a replica
# sees. test_repeat.py has both for `Repeat`; here one is in `multi_scale`.
_ALIKE = {
    *("actnorm-vector", "invertible_conv-vector", "batch_norm-vector"),
    *("affine_coupling-sigmoid-second_half-image", "affine_coupling-sigmoid-second_half-vector"),
    *("affine_coupling-tanh-white-image", "affine_coupling-tanh-first_half-vector"),
    *("affine_coupling-tanh-even-vector", "histogram_equalization-vector", "gaussian_bins-vector"),
    *(case.name for case in CASES if case.name.startswith("repeat")),
}
DISTINCT = [case for case in CASES if case.name not in _ALIKE]
