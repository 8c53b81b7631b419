"""The base class of the zoo's bijectors: value and log-determinant in a single pass."""

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

tfb = tfp.bijectors


class SinglePassBijector(tfb.Bijector):
    """A bijector that computes its value and its log-determinant together.

    A coupling layer needs its network for the value *and* for the log-determinant. Stock TFP requests
    them separately, and so evaluates the network twice. A subclass of this class implements two methods
    instead of four, each of which returns the pair:

        _forward_and_log_det(x) -> (y, log|det dy/dx|)
        _inverse_and_log_det(y) -> (x, log|det dx/dy|)

    The log-determinant of a pass is stored in TFP's bijector cache, where `log_det_jacobian` looks
    first. So `log_prob` is single-pass through stock `tfb.Chain`, `tfb.Invert` and
    `tfd.TransformedDistribution`, in eager mode, in graphs and under XLA.

    The cache identifies an input by object identity. So create a new bijector when its parameters have
    changed, and create it inside the `tf.GradientTape` that differentiates it: a bijector of this class is
    equal only to itself, and never returns values cached by another one.

    Log-determinants are in nats, of shape `x.shape[:-event_ndims]`, or any shape that broadcasts to it.

    A subclass may declare three things. `declarations.py` reads them through chains and inversions.

    Attributes:
      value_only: bool. True if the value is much cheaper without the log-determinant. The subclass then
        implements `_forward_value(x) -> y`, `_inverse_value(y) -> x` and `_forward_and_log_det`, but not
        `_inverse_and_log_det`. The log-determinant is computed only when requested, so not for
        sampling; that of an inverse is computed at the x that the inverse found.
      inverse_tolerance: float. 0 if both directions are in closed form. Otherwise one of them is an
        iteration, and this bounds the error of each number that it returns (see `fixed_point`).
      log_det: "exact" or "estimate". An estimate is unbiased, takes all its randomness from an argument
        `seed` of the bijector (so that a bijector is a function, and rebuilding it repeats the estimate),
        and is the same for an event regardless of the batch.
    """

    value_only = False
    inverse_tolerance = 0.0
    log_det = "exact"

    # TFP shares the cache among equal bijectors, and treats those with the same variables as equal, even if
    # the variables have changed in the meantime.
    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raise NotImplementedError(f"{type(self).__name__} has no forward.")

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raise NotImplementedError(f"{type(self).__name__} has no inverse.")

    def _forward_value(self, x: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no forward without a log-determinant.")

    def _inverse_value(self, y: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no inverse without a log-determinant.")

    def _forward(self, x, **kwargs):
        if self.value_only:
            return self._forward_value(x, **kwargs)
        y, fldj = self._forward_and_log_det(x, **kwargs)
        self._cache.forward_attributes(x, **kwargs)["ildj"] = -fldj
        return y

    def _inverse(self, y, **kwargs):
        if self.value_only:
            return self._inverse_value(y, **kwargs)
        x, ildj = self._inverse_and_log_det(y, **kwargs)
        self._cache.inverse_attributes(y, **kwargs)["ildj"] = ildj
        return x

    # TFP calls these two only if the log-determinant is not cached yet: after no pass, or one that computed
    # only values.
    def _forward_log_det_jacobian(self, x, **kwargs):
        if self.value_only:
            return self._forward_and_log_det(x, **kwargs)[1]
        self._cache.forward(x, **kwargs)
        return -self._cache.forward_attributes(x, **kwargs)["ildj"]

    def _inverse_log_det_jacobian(self, y, **kwargs):
        x = self._cache.inverse(y, **kwargs)
        if self.value_only:
            return -self._forward_and_log_det(x, **kwargs)[1]
        return self._cache.inverse_attributes(y, **kwargs)["ildj"]

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}


def as_parameter(value: ArrayLike | tf.Variable, name: str) -> tf.Tensor | tf.Variable:
    """Converts a parameter as TFP does: variables stay variables (and trainable), others become tensors."""
    return value if isinstance(value, tf.Variable) else tf.convert_to_tensor(value, name=name)


def check_rank(bijector: tfb.Bijector, x: tf.Tensor, rank: int) -> None:
    """Raises ValueError if `x` has fewer than `rank` dimensions."""
    if x.shape.rank is not None and x.shape.rank < rank:
        raise ValueError(
            f"{bijector.name}: the input has shape {tuple(x.shape)}, expected at least {rank} "
            f"dimension{'s' * (rank > 1)}."
        )


def check_channels(bijector: tfb.Bijector, x: tf.Tensor, channels: int) -> None:
    """Raises ValueError if the last dimension of `x` is not `channels`."""
    check_rank(bijector, x, 1)
    if x.shape.rank is not None and x.shape[-1] not in (channels, None):
        raise ValueError(
            f"{bijector.name}: the input has {x.shape[-1]} channels (shape {tuple(x.shape)}), "
            f"expected {channels}."
        )


def forward_and_log_det(
    bijector: tfb.Bijector, x: tf.Tensor, event_ndims: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `(y, log|det dy/dx|)` of any bijector: in one pass for ours, in TFP's two for others."""
    return bijector.forward(x), bijector.forward_log_det_jacobian(x, event_ndims=event_ndims)


def inverse_and_log_det(
    bijector: tfb.Bijector, y: tf.Tensor, event_ndims: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `(x, log|det dx/dy|)` of any bijector: in one pass for ours, in TFP's two for others."""
    return bijector.inverse(y), bijector.inverse_log_det_jacobian(y, event_ndims=event_ndims)


def forward_value(bijector: tfb.Bijector, x: tf.Tensor, event_ndims: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `(y, 0)`: replaces `forward_and_log_det` if no log-determinant is needed."""
    del event_ndims
    return bijector.forward(x), tf.zeros([], x.dtype)


def inverse_value(bijector: tfb.Bijector, y: tf.Tensor, event_ndims: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `(x, 0)`: replaces `inverse_and_log_det` if no log-determinant is needed."""
    del event_ndims
    return bijector.inverse(y), tf.zeros([], y.dtype)
