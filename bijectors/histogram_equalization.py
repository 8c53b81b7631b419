"""Histogram equalization as a bijector: each bin of values as wide as it is frequent."""

import tensorflow as tf
from numpy.typing import ArrayLike

from .base import SinglePassBijector, as_parameter

# The fraction of the uniform distribution mixed into a histogram, so that no bin has width zero.
UNIFORM_PART = 0.1


class HistogramEqualization(SinglePassBijector):
    r"""The continuous, piecewise linear map that makes the values of a histogram uniform on [0, 1].

        forward          y = p_0 + ... + p_(n-1) + p_n (B x - n),  n = floor(B x) between 0 and B - 1
        inverse          x = (n + (y - p_0 - ... - p_(n-1)) / p_n) / B,  n the bin whose image holds y
        log|det dy/dx|   sum(log(B p_n))

    with B bins of equal width on [0, 1] and p_n the mass of bin n. Outside [0, 1] the first and the last
    piece are extended linearly, so the map is onto the real line. Works elementwise, on any shape.

    In images with a flat background, one bin holds most of the values and 255 bins share the rest. Without
    this map, a flow must learn a density that is hundreds of times as high in one place as in others; with
    it, the width of each bin is proportional to its frequency. It is the first step of
    Gaussianization by marginals (Chen & Gopinath 2000; Laparra et al. 2011, arXiv:1602.00229, section II).

    Args:
      masses: float `[B]`, positive, their sum 1; a tensor or a variable. See `masses_of`.

    Raises:
      ValueError: if masses is not of rank 1.

    Example: half of all values lie in the first of four bins.

    >>> from latentzoo.bijectors import HistogramEqualization
    >>> equalize = HistogramEqualization([0.5, 0.25, 0.125, 0.125])
    >>> equalize.forward([0.0, 0.25, 0.5, 1.0]).numpy().tolist()
    [0.0, 0.5, 0.75, 1.0]
    """

    def __init__(
        self,
        masses: ArrayLike | tf.Variable,
        validate_args: bool = False,
        name: str = "histogram_equalization",
    ):
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self.masses = as_parameter(masses, "masses")
            if self.masses.shape.rank != 1:
                raise ValueError(f"{name}: masses has shape {tuple(self.masses.shape)}, expected [B].")
            super().__init__(
                forward_min_event_ndims=0,
                dtype=self.masses.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @staticmethod
    def masses_of(x: tf.Tensor, num_bins: int = 256) -> tf.Tensor:
        """Returns the histogram of values in [0, 1], a tenth of it uniform, float32 `[num_bins]`."""
        histogram = tf.histogram_fixed_width(x, [0.0, 1.0], num_bins)
        masses = tf.cast(histogram, tf.float32) / tf.cast(tf.size(x), tf.float32)
        return (1 - UNIFORM_PART) * masses + UNIFORM_PART / num_bins

    def _forward_and_log_det(self, x):
        masses, starts = self._pieces()
        num_bins = masses.shape[0]
        n = tf.clip_by_value(tf.cast(tf.floor(x * num_bins), tf.int32), 0, num_bins - 1)
        mass = tf.gather(masses, n)
        y = tf.gather(starts, n) + mass * (x * num_bins - tf.cast(n, x.dtype))
        return y, tf.math.log(mass * num_bins)

    def _inverse_and_log_det(self, y):
        masses, starts = self._pieces()
        num_bins = masses.shape[0]
        n = tf.searchsorted(starts[1:], tf.reshape(y, [-1]), side="right")
        n = tf.reshape(n, tf.shape(y))
        mass = tf.gather(masses, n)
        x = (tf.cast(n, y.dtype) + (y - tf.gather(starts, n)) / mass) / num_bins
        return x, -tf.math.log(mass * num_bins)

    def _pieces(self):
        """Returns the masses, and the values at which their pieces start."""
        masses = tf.convert_to_tensor(self.masses)
        return masses, tf.cumsum(masses, exclusive=True)
