"""Masked autoregressive flows: MAF (Papamakarios et al. 2017) and, inverted, IAF (Kingma 2016)."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from .base import SinglePassBijector, check_rank
from .coupling import sigmoid_scale

Network = Callable[[tf.Tensor], tf.Tensor]


class MaskedAutoregressive(SinglePassBijector):
    """Scales and shifts each coordinate by functions of the preceding coordinates.

        (h, t) = network(x), h_d and t_d depending only on x_1 .. x_{d-1};  s = exp(scale(h))
        forward          y_d = s_d x_d + t_d            one pass of the network
        inverse          x_d = (y_d - t_d) / s_d        d = 1 .. D in turn: D passes
        log|det dy/dx|   sum(log s)

    One map serves both flows of the literature, by direction. As the map from data to noise it is MAF
    (section 3.1): densities take one pass, samples D. As the map from noise to latents,
    `tfb.Invert`-ed where data to noise is expected, it is IAF (section 4): a sample and its own
    density take one pass. With the sigmoid scale it is IAF's numerically stable form, whose
    (1 - s) m is t here.

    The network returns h and t concatenated along its last dimension, h first. `autoregressive_masks` makes
    a dense network autoregressive. If the network is not autoregressive, the inverse and log-determinant are
    wrong, which cannot be checked cheaply.

    Args:
      network: callable, `[..., D]` -> `[..., 2 * D]`.
      scale: callable h -> log s; `sigmoid_scale`, or `tanh_scale(gain)`.

    Raises:
      ValueError: if the input has no dimensions, or the network's output is not `[..., 2 * D]`.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import MaskedAutoregressive
    >>> before = lambda x: tf.cumsum(x, axis=-1, exclusive=True)
    >>> flow = MaskedAutoregressive(lambda x: tf.concat([0 * x, before(x)], -1), scale=tf.identity)
    >>> flow.forward(tf.constant([1.0, 2.0, 3.0])).numpy().tolist()
    [1.0, 3.0, 6.0]
    >>> flow.inverse(tf.constant([1.0, 3.0, 6.0])).numpy().tolist()
    [1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        network: Network,
        scale: Callable[[tf.Tensor], tf.Tensor] = sigmoid_scale,
        validate_args: bool = False,
        name: str = "masked_autoregressive",
    ):
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._network = network
            self._scale = scale
            super().__init__(
                forward_min_event_ndims=1, validate_args=validate_args, parameters=parameters, name=name
            )

    def _log_scale_and_shift(self, x):
        """The network's output in the input's dtype (a network under mixed precision works in its own)."""
        output = tf.cast(self._network(x), x.dtype)
        expected = [*x.shape[:-1], 2 * x.shape[-1]]
        if not output.shape.is_compatible_with(expected):
            raise ValueError(
                f"{self.name}: the network gave shape {tuple(output.shape)}, expected {tuple(expected)} "
                f"for an input of shape {tuple(x.shape)}."
            )
        h, shift = tf.split(tf.ensure_shape(output, expected), 2, axis=-1)
        return self._scale(h), shift

    def _forward_and_log_det(self, x):
        check_rank(self, x, 1)
        log_scale, shift = self._log_scale_and_shift(x)
        return x * tf.exp(log_scale) + shift, tf.reduce_sum(log_scale, axis=-1)

    def _inverse_and_log_det(self, y):
        check_rank(self, y, 1)
        size = y.shape[-1]

        def next_coordinate(d, x, log_det):
            log_scale, shift = self._log_scale_and_shift(x)
            here = tf.range(size) == d
            # The coordinates after d stay zero: their values would not be valid yet, and may be infinite.
            x = tf.where(here, (y - shift) * tf.exp(-log_scale), x)
            log_det -= tf.reduce_sum(tf.where(here, log_scale, tf.zeros_like(log_scale)), axis=-1)
            return d + 1, x, log_det

        start = (0, tf.zeros_like(y), tf.zeros_like(y[..., 0]))
        # XLA can differentiate only loops with a known maximum.
        _, x, log_det = tf.while_loop(lambda d, *_: d < size, next_coordinate, start, maximum_iterations=size)
        return x, log_det


def autoregressive_masks(size: int, widths: tuple[int, ...], outputs: int = 2) -> list[np.ndarray]:
    """Returns the masks of a dense network whose outputs d depend only on inputs 1 .. d-1.

    Source: MADE (Germain et al. 2015), section 4. The degrees of a hidden layer cycle through
    1 .. size - 1.

    Args:
      size: of the input, D.
      widths: of the hidden layers.
      outputs: number of outputs per coordinate; they are concatenated, D by D.

    Returns:
      For each layer 0 or 1 in float32, `[size_in, size_out]`, as its kernel.

    >>> from latentzoo.bijectors import autoregressive_masks
    >>> first, last = autoregressive_masks(3, (4,), outputs=1)
    >>> (first @ last > 0).T.astype(int).tolist()  # rows: outputs; columns: the inputs they see
    [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """
    inputs = np.arange(1, size + 1)
    hidden = [1 + np.arange(width) % max(1, size - 1) for width in widths]
    degrees = [inputs, *hidden]
    masks = [b >= a[:, None] for a, b in zip(degrees, degrees[1:], strict=False)]
    masks.append(np.tile(inputs, outputs) > degrees[-1][:, None])
    return [mask.astype(np.float32) for mask in masks]
