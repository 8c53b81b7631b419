"""Batch normalization (RealNVP, Dinh et al. 2016, section 3.7 and appendix E)."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from .base import SinglePassBijector, as_parameter, check_channels


class BatchNorm(SinglePassBijector):
    r"""Normalizes each channel by batch statistics or by moving statistics (RealNVP, section 3.7).

        forward          y = (x - mean) / sqrt(variance + epsilon)
        inverse          x = y * sqrt(variance + epsilon) + mean
        log|det dy/dx|   -1/2 * h * w * sum(log(variance + epsilon))

    With `training=False` mean and variance are the moving ones. With `training=True` they are those of
    the input itself, over all its leading dimensions, and over all replicas when run under a
    `tf.distribute` strategy. The variance is the mean squared deviation (divided by N, not N - 1).

    The log-determinant in training is the paper's: that of the affine map with mean and variance held as
    constants. It ignores that they depend on x, so it is not that of the Jacobian of the whole batch.
    Gradients do flow through both, into value and log-determinant. The inverse exists only with
    `training=False`: the statistics of x cannot be recovered from a batch of y.

    This bijector owns no moving statistics: in training it passes the batch statistics to `on_statistics`,
    once per pass, and the owner of the moving statistics updates them (appendix E).

    Args:
      moving_mean: float `[C]`, tensor or variable.
      moving_variance: float `[C]`, not negative, tensor or variable.
      epsilon: float > 0, added to the variance.
      training: whether forward uses the statistics of its input.
      on_statistics: callable, (mean `[C]`, variance `[C]`) -> None, called in training. No gradient
        flows through its arguments.

    Raises:
      ValueError: if the last dimension of an input is not C, if epsilon is not positive, or if the
        inverse is asked for with `training=True`.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import BatchNorm
    >>> x = tf.constant([[1.0], [5.0]])
    >>> BatchNorm(moving_mean=[1.0], moving_variance=[4.0]).forward(x).numpy().round(3).tolist()
    [[0.0], [2.0]]
    >>> BatchNorm([1.0], [4.0], training=True).forward(x).numpy().round(3).tolist()
    [[-1.0], [1.0]]
    """

    def __init__(
        self,
        moving_mean: ArrayLike | tf.Variable,
        moving_variance: ArrayLike | tf.Variable,
        epsilon: float = 1e-5,
        training: bool = False,
        on_statistics: Callable[[tf.Tensor, tf.Tensor], None] | None = None,
        validate_args: bool = False,
        name: str = "batch_norm",
    ):
        parameters = dict(locals())
        if not epsilon > 0:
            raise ValueError(f"{name}: epsilon is {epsilon}, expected a number above 0.")
        with tf.name_scope(name) as name:
            self.moving_mean = as_parameter(moving_mean, "moving_mean")
            self.moving_variance = as_parameter(moving_variance, "moving_variance")
            self._epsilon = epsilon
            self._training = training
            self._on_statistics = on_statistics
            super().__init__(
                forward_min_event_ndims=1,
                is_constant_jacobian=not training,
                dtype=self.moving_mean.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {
            "moving_mean": properties(event_ndims=1),
            "moving_variance": properties(event_ndims=1),
        }

    def _forward_and_log_det(self, x):
        check_channels(self, x, self.moving_mean.shape[-1])
        mean, variance = self._batch_statistics(x) if self._training else self._moving_statistics()
        variance += self._epsilon
        return (x - mean) * tf.math.rsqrt(variance), -0.5 * tf.reduce_sum(tf.math.log(variance))

    def _inverse_and_log_det(self, y):
        if self._training:
            raise ValueError(
                f"{self.name}: inverse was called with training=True, expected training=False, "
                "for the statistics of a batch are known in the forward direction only."
            )
        check_channels(self, y, self.moving_mean.shape[-1])
        mean, variance = self._moving_statistics()
        variance += self._epsilon
        return y * tf.sqrt(variance) + mean, 0.5 * tf.reduce_sum(tf.math.log(variance))

    def _moving_statistics(self):
        return tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)

    def _batch_statistics(self, x):
        mean = _mean_over_replicas(x)
        variance = _mean_over_replicas(tf.square(x - mean))
        if self._on_statistics is not None:
            self._on_statistics(tf.stop_gradient(mean), tf.stop_gradient(variance))
        return mean, variance


def _mean_over_replicas(x: tf.Tensor) -> tf.Tensor:
    """Returns the mean per channel over the global batch, also for replicas with unequal batch sizes."""
    total = tf.reduce_sum(x, axis=list(range(x.shape.rank - 1)))
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), x.dtype)
    replica = tf.distribute.get_replica_context()
    if replica is not None and replica.num_replicas_in_sync > 1:
        total, count = replica.all_reduce(tf.distribute.ReduceOp.SUM, [total, count])
    return total / count
