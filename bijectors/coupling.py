"""Coupling layers: additive (NICE, Dinh et al. 2014) and affine (RealNVP, Dinh et al. 2016; Glow 2018)."""

from collections.abc import Callable

import tensorflow as tf

from .base import SinglePassBijector, check_rank
from .masks import ChannelHalves, Checkerboard, Mask

Network = Callable[[tf.Tensor], tf.Tensor]


def sigmoid_scale(h: tf.Tensor, floor: float = 1e-4) -> tf.Tensor:
    """Returns log s of Glow's scale, `s = sigmoid(h + 2) + floor`.

    At h = 0, where training starts, s is 0.88. The floor keeps the inverse from exploding when the
    network drives s towards zero (SRFlow, Lugmayr et al. 2020, uses the same).
    """
    return tf.math.log(tf.sigmoid(h + 2) + floor)


def tanh_scale(gain: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the function h -> log s of RealNVP's scale, `s = exp(gain * tanh(h))`, `gain` per channel.

    Source: RealNVP, section 4.1: "tanh multiplied by a trained scale".
    """
    return lambda h: gain * tf.tanh(h)


class AdditiveCoupling(SinglePassBijector):
    """Shifts a part of the input by a function of the rest (NICE, section 3.2).

        forward          y_a = x_a + t(x_b),   y_b = x_b
        inverse          x_a = y_a - t(y_b),   x_b = y_b
        log|det dy/dx|   0

    Args:
      network: callable, passive part -> t, of the active part's shape. Any network: it is never inverted.
      mask: which part is active; `ChannelHalves()`, `AlternatingChannels()` or `Checkerboard()`.
      event_ndims: 3 for images `[..., H, W, C]`, 1 for vectors `[..., D]`.

    Raises:
      ValueError: if a `Checkerboard` is given for vectors, if the input's rank is below `event_ndims`, if
        it has a single channel to split, or if the network's output is not of the active part's shape.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import AdditiveCoupling
    >>> coupling = AdditiveCoupling(lambda x_b: 10 * x_b, event_ndims=1)
    >>> coupling.forward(tf.constant([1.0, 2.0])).numpy().tolist()
    [1.0, 12.0]
    """

    def __init__(
        self,
        network: Network,
        mask: Mask = ChannelHalves(),
        event_ndims: int = 3,
        validate_args: bool = False,
        name: str = "additive_coupling",
    ):
        parameters = dict(locals())
        _check_mask(name, mask, event_ndims)
        with tf.name_scope(name) as name:
            self._network = network
            self._mask = mask
            super().__init__(
                forward_min_event_ndims=event_ndims,
                is_constant_jacobian=True,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    def _forward_and_log_det(self, x):
        active, passive = _split(self, self._mask, x)
        shift = _shift(self, passive, active)
        return self._mask.join(active + shift, passive), tf.zeros([], x.dtype)

    def _inverse_and_log_det(self, y):
        active, passive = _split(self, self._mask, y)
        shift = _shift(self, passive, active)
        return self._mask.join(active - shift, passive), tf.zeros([], y.dtype)


class AffineCoupling(SinglePassBijector):
    """Scales and shifts a part of the input by functions of the rest (Glow, Table 1, row 3).

        (h, t) = network(x_b),  s = exp(scale(h))
        forward          y_a = s * x_a + t,    y_b = x_b
        inverse          x_a = (y_a - t) / s,  x_b = y_b
        log|det dy/dx|   sum(log|s|)

    The network returns h and t concatenated along its last dimension, h first.

    Args:
      network: callable, passive part -> `[..., 2 * C_a]`, C_a the channels of the active part. Any
        network: it is never inverted. Evaluated once for value and log-determinant.
      mask: which part is active; `ChannelHalves()`, `AlternatingChannels()` or `Checkerboard()`.
      scale: callable h -> log s; `sigmoid_scale` (Glow) or `tanh_scale(gain)` (RealNVP).
      event_ndims: 3 for images `[..., H, W, C]`, 1 for vectors `[..., D]`.

    Raises:
      ValueError: if a `Checkerboard` is given for vectors, if the input's rank is below `event_ndims`, if
        it has a single channel to split, or if the network's output is not of the active part's shape
        with 2 * C_a channels.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import AffineCoupling, tanh_scale
    >>> coupling = AffineCoupling(lambda x_b: tf.concat([x_b, x_b], -1), scale=tanh_scale(1.0), event_ndims=1)
    >>> y = coupling.forward(tf.constant([0.5, 2.0]))  # y_a = exp(tanh(0.5)) * 2 + 0.5
    >>> round(float(y[1]), 4)
    3.6749
    """

    def __init__(
        self,
        network: Network,
        mask: Mask = ChannelHalves(),
        scale: Callable[[tf.Tensor], tf.Tensor] = sigmoid_scale,
        event_ndims: int = 3,
        validate_args: bool = False,
        name: str = "affine_coupling",
    ):
        parameters = dict(locals())
        _check_mask(name, mask, event_ndims)
        with tf.name_scope(name) as name:
            self._network = network
            self._mask = mask
            self._scale = scale
            super().__init__(
                forward_min_event_ndims=event_ndims,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    def _log_scale_and_shift(self, active, passive):
        output = _evaluate(self, passive, active, channels=2 * active.shape[-1])
        h, shift = tf.split(output, 2, axis=-1)
        return self._mask.select(self._scale(h)), self._mask.select(shift)

    def _forward_and_log_det(self, x):
        active, passive = _split(self, self._mask, x)
        log_scale, shift = self._log_scale_and_shift(active, passive)
        y = self._mask.join(active * tf.exp(log_scale) + shift, passive)
        return y, _sum_event(log_scale, self.forward_min_event_ndims)

    def _inverse_and_log_det(self, y):
        active, passive = _split(self, self._mask, y)
        log_scale, shift = self._log_scale_and_shift(active, passive)
        x = self._mask.join((active - shift) * tf.exp(-log_scale), passive)
        return x, -_sum_event(log_scale, self.forward_min_event_ndims)


def _check_mask(name, mask, event_ndims):
    if isinstance(mask, Checkerboard) and event_ndims != 3:
        raise ValueError(f"{name}: event_ndims is {event_ndims}, expected 3 for a Checkerboard mask.")


def _split(bijector, mask, x):
    check_rank(bijector, x, bijector.forward_min_event_ndims)
    active, passive = mask.split(x)
    if 0 in (active.shape[-1], passive.shape[-1]):
        raise ValueError(
            f"{bijector.name}: the input has 1 channel (shape {tuple(x.shape)}), "
            "expected at least 2 to split."
        )
    return active, passive


def _shift(bijector, passive, active):
    return bijector._mask.select(_evaluate(bijector, passive, active, active.shape[-1]))


def _evaluate(bijector, passive, active, channels):
    """The network's output in the input's dtype (a network under mixed precision works in its own)."""
    output = tf.cast(bijector._network(passive), active.dtype)
    expected = [*active.shape[:-1], channels]
    if not output.shape.is_compatible_with(expected):
        raise ValueError(
            f"{bijector.name}: the network gave shape {tuple(output.shape)}, expected {tuple(expected)} "
            f"for an active part of shape {tuple(active.shape)}."
        )
    return tf.ensure_shape(output, expected)


def _sum_event(log_scale, event_ndims):
    return tf.reduce_sum(log_scale, axis=list(range(-event_ndims, 0)))
