"""Activation normalization (Glow, Kingma & Dhariwal 2018, section 3.1)."""

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from .base import SinglePassBijector, as_parameter, check_channels

# The standard deviation below which a channel counts as constant, so that its scale stays finite.
STD_FLOOR = 1e-6


class ActNorm(SinglePassBijector):
    r"""A trained scale and shift per channel, the same at every pixel (Glow, Table 1, row 1).

        forward          y = s * x + b
        inverse          x = (y - b) / s
        log|det dy/dx|   h * w * sum(log|s|)

    with `s = exp(log_scale) > 0` and `b = shift`. Works on vectors `[..., C]` and, with the same
    parameters at every pixel, on images `[..., H, W, C]`.

    Args:
      log_scale: float `[C]`, tensor or variable.
      shift: float `[C]`, tensor or variable.

    Raises:
      ValueError: if the last dimension of an input is not C.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import ActNorm
    >>> images = 5 + 3 * tf.random.stateless_normal([8, 4, 4, 2], seed=[0, 0])
    >>> actnorm = ActNorm(*ActNorm.data_dependent_init(images))
    >>> y = actnorm.forward(images)
    >>> bool(tf.reduce_all(tf.abs(tf.reduce_mean(y, axis=[0, 1, 2])) < 1e-5))
    True
    """

    def __init__(
        self,
        log_scale: ArrayLike | tf.Variable,
        shift: ArrayLike | tf.Variable,
        validate_args: bool = False,
        name: str = "actnorm",
    ):
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self.log_scale = as_parameter(log_scale, "log_scale")
            self.shift = as_parameter(shift, "shift")
            super().__init__(
                forward_min_event_ndims=1,
                is_constant_jacobian=True,
                dtype=self.log_scale.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {"log_scale": properties(event_ndims=1), "shift": properties(event_ndims=1)}

    @staticmethod
    def data_dependent_init(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns `(log_scale, shift)`, each `[C]`, that normalize each channel to mean 0 and variance 1.

        The statistics are those of all leading dimensions of `x` (Glow, section 3.1). A constant
        channel keeps a finite scale, 1 / STD_FLOOR at most.
        """
        mean, variance = tf.nn.moments(x, axes=list(range(x.shape.rank - 1)))
        log_scale = -tf.math.log(tf.maximum(tf.sqrt(variance), STD_FLOOR))
        return log_scale, -mean * tf.exp(log_scale)

    def _forward_and_log_det(self, x):
        check_channels(self, x, self.log_scale.shape[-1])
        log_scale = tf.convert_to_tensor(self.log_scale)
        return x * tf.exp(log_scale) + self.shift, tf.reduce_sum(log_scale)

    def _inverse_and_log_det(self, y):
        check_channels(self, y, self.log_scale.shape[-1])
        log_scale = tf.convert_to_tensor(self.log_scale)
        return (y - self.shift) * tf.exp(-log_scale), -tf.reduce_sum(log_scale)
