"""What bijectors declare (see `SinglePassBijector`), read through stock chains and inversions."""

from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
import tensorflow_probability as tfp

from .base import SinglePassBijector

tfb = tfp.bijectors


def inverse_tolerance(bijector: tfb.Bijector) -> float:
    """Returns the largest tolerance of the iterations in a bijector; 0.0 if it is in closed form.

    It bounds the error of each iteration separately: subsequent bijectors may amplify the error.

    >>> import tensorflow_probability as tfp
    >>> from latentzoo.bijectors import inverse_tolerance
    >>> inverse_tolerance(tfp.bijectors.Chain([tfp.bijectors.Exp(), tfp.bijectors.Tanh()]))
    0.0
    """
    return max((part.inverse_tolerance for part in _declaring(bijector)), default=0.0)


def has_estimated_log_det(bijector: tfb.Bijector) -> bool:
    """Whether the log-determinant of any part of a bijector is an estimate."""
    return any(part.log_det == "estimate" for part in _declaring(bijector))


def has_value_only(bijector: tfb.Bijector) -> bool:
    """Whether any part of a bijector computes values much more cheaply without log-determinants."""
    return any(part.value_only for part in _declaring(bijector))


def mean_log_det(
    build: Callable[[tf.Tensor], tfb.Bijector], x: tf.Tensor, event_ndims: int, seeds: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the mean of a log-determinant's estimates at `x`, and the standard error of that mean.

    Args:
      build: callable, seed -> bijector.
      x: float `[..., *event_shape]`.
      event_ndims: number of dimensions of an event.
      seeds: int `[N, 2]`, N at least 2, each for one estimate.

    Returns:
      Two tensors `[...]`, in nats.

    Raises:
      ValueError: if there are fewer than two seeds.
    """
    seeds = tf.convert_to_tensor(seeds)
    if seeds.shape.rank != 2 or (seeds.shape[0] or 2) < 2:
        raise ValueError(f"seeds has shape {tuple(seeds.shape)}, expected [N, 2] with N at least 2.")

    def estimate(seed):
        log_det = build(seed).forward_log_det_jacobian(x, event_ndims)
        return tf.broadcast_to(log_det, tf.shape(x)[: x.shape.rank - event_ndims])

    estimates = tf.map_fn(estimate, seeds, fn_output_signature=x.dtype)
    count = tf.cast(tf.shape(estimates)[0], x.dtype)
    mean, variance = tf.nn.moments(estimates, axes=[0])
    return mean, tf.sqrt(variance / (count - 1))


class ComposedBijector(SinglePassBijector):
    """A bijector composed of others, which determine its declarations. A subclass implements `_parts`."""

    def _parts(self) -> Sequence[tfb.Bijector]:
        raise NotImplementedError

    @property
    def inverse_tolerance(self) -> float:
        return max(map(inverse_tolerance, self._parts()))

    @property
    def log_det(self) -> str:
        return "estimate" if any(map(has_estimated_log_det, self._parts())) else "exact"

    @property
    def value_only(self) -> bool:
        # In a graph, a single pass is better: unused values are not computed, and nothing is computed twice.
        return tf.executing_eagerly() and any(map(has_value_only, self._parts()))


def _declaring(bijector: tfb.Bijector) -> Iterator[SinglePassBijector]:
    """Yields the bijectors of this library that a bijector consists of, including itself."""
    if isinstance(bijector, SinglePassBijector):
        yield bijector
    for part in tf.nest.flatten(getattr(bijector, "bijectors", getattr(bijector, "bijector", []))):
        yield from _declaring(part)
