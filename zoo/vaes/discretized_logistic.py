"""The discretized logistic distribution of 8-bit pixel values (Salimans et al. 2017)."""

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

tfd = tfp.distributions


class DiscretizedLogistic(tfd.Distribution):
    """A logistic distribution rounded to 0, 1, ..., 255; the tails belong to 0 and 255.

        P(k) = sigmoid(b) - sigmoid(a),  b = (k + 1/2 - loc) / s,  a = (k - 1/2 - loc) / s
             = sigmoid(b) sigmoid(-a) (1 - exp(-1/s))
        P(0) = sigmoid(b),  P(255) = sigmoid(-a)

    In log space, the second line is accurate where the first suffers from cancellation.
    `tfd.QuantizedDistribution` of a logistic shifted by 1/2 is the same distribution, but evaluates the
    cumulative distribution function four times per value.

    Source: PixelCNN++ (Salimans et al. 2017), equation 2, with one component.

    Args:
      loc: the location, in pixel values.
      log_scale: log s, with s in pixel values.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.vaes.discretized_logistic import DiscretizedLogistic
    >>> pixel = DiscretizedLogistic(loc=200.0, log_scale=1.0)
    >>> round(float(tf.reduce_sum(pixel.prob(tf.range(256.0)))), 4)
    1.0
    """

    def __init__(
        self,
        loc: tf.Tensor | ArrayLike,
        log_scale: tf.Tensor | ArrayLike,
        validate_args: bool = False,
        name: str = "DiscretizedLogistic",
    ):
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._loc = tf.convert_to_tensor(loc)
            self._log_scale = tf.convert_to_tensor(log_scale)
            super().__init__(
                dtype=self._loc.dtype,
                reparameterization_type=tfd.NOT_REPARAMETERIZED,
                validate_args=validate_args,
                allow_nan_stats=False,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {"loc": properties(), "log_scale": properties()}

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, value):
        inverse_scale = tf.exp(-self._log_scale)
        b = (value + 0.5 - self._loc) * inverse_scale
        a = b - inverse_scale
        log_below, log_above = -tf.math.softplus(-b), -tf.math.softplus(a)
        inside = log_below + log_above + tf.math.log(-tf.math.expm1(-inverse_scale))
        return tf.where(value < 0.5, log_below, tf.where(value > 254.5, log_above, inside))

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], self.batch_shape_tensor()], 0)
        standard = tfd.Logistic(tf.zeros([], self.dtype), 1.0).sample(shape, seed=seed)
        return tf.clip_by_value(tf.round(self._loc + tf.exp(self._log_scale) * standard), 0.0, 255.0)
