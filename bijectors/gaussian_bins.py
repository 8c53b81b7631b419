"""Dequantization noise that a flow of affine maps can fit: Gaussian in every bin."""

import math

import tensorflow as tf

from .base import SinglePassBijector

# The standard deviation before truncation, in bins. Smaller fits flat regions better and others worse.
STD = 0.25
_END = 0.5 / STD
_MASS = math.erf(_END / math.sqrt(2))  # of a standard normal between -_END and _END


class GaussianBins(SinglePassBijector):
    r"""Maps uniform noise in every bin of a quantized value to truncated Gaussian noise in the same bin.

        forward          y = (n + 1/2 + s t) / 2^b,  Phi(t) = Phi(-1/(2s)) + (x 2^b - n) m
        inverse          x = (n + (Phi(t) - Phi(-1/(2s))) / m) / 2^b,  t = (y 2^b - n - 1/2) / s
        log|det dy/dx|   sum(log(s m sqrt(2 pi)) + t^2 / 2)

    with n the bin, floor(x 2^b), s = 1/4 and m = Phi(1/(2s)) - Phi(-1/(2s)). Continuous and increasing;
    edges and centers of bins are unchanged.

    A pixel that is black in every image is the uniform distribution on one bin to a flow. The best Gaussian
    is 0.25 bits from that, and affine couplings bend it only over many steps; it is 0.05 bits from this
    one. Under dequantization with uniform noise this bijector is the first map of the model, and the
    likelihood is as exact as without. It equals training with the fixed noise q in the bound of
    variational dequantization, E_q[log p(n + v) - log q(v)] (Flow++, Ho et al. 2019, section 3.1).

    Works elementwise, on any shape.

    Args:
      num_bits: b, for 2^b bins on [0, 1].

    Raises:
      ValueError: if num_bits is not in 1 to 8.

    Example:

    >>> from latentzoo.bijectors import GaussianBins
    >>> bins = GaussianBins(num_bits=1)
    >>> [round(float(bins.forward(x)), 3) for x in (0.5, 0.6, 0.75, 1.0)]
    [0.5, 0.651, 0.75, 1.0]
    """

    def __init__(self, num_bits: int = 8, validate_args: bool = False, name: str = "gaussian_bins"):
        parameters = dict(locals())
        if num_bits not in range(1, 9):
            raise ValueError(f"{name}: num_bits is {num_bits}, expected 1 to 8.")
        with tf.name_scope(name) as name:
            self._bins = 2**num_bits
            super().__init__(
                forward_min_event_ndims=0, validate_args=validate_args, parameters=parameters, name=name
            )

    def _forward_and_log_det(self, x):
        n, u = self._split(x)
        t = tf.math.ndtri((1 - _MASS) / 2 + _MASS * u)
        return (n + 0.5 + STD * t) / self._bins, _log_slope(t)

    def _inverse_and_log_det(self, y):
        n, v = self._split(y)
        t = (v - 0.5) / STD
        u = 0.5 + tf.math.erf(t / math.sqrt(2)) / (2 * _MASS)
        return (n + u) / self._bins, -_log_slope(t)

    def _split(self, x):
        """Returns the index of the bin, and the position in it, in [0, 1)."""
        n = tf.floor(x * self._bins)
        return n, x * self._bins - n


def _log_slope(t):
    return math.log(STD * _MASS * math.sqrt(2 * math.pi)) + t**2 / 2
