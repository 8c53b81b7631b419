"""Invertible 1x1 convolution (Glow, Kingma & Dhariwal 2018, section 3.2)."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from .base import SinglePassBijector, as_parameter, check_channels


class PLU(NamedTuple):
    """The factors of `W = P L (U + diag(sign * exp(log_diagonal)))`, numpy arrays."""

    permutation: np.ndarray  # [C, C], a permutation matrix, fixed
    sign: np.ndarray  # [C], +-1, fixed
    lower: np.ndarray  # [C, C], strictly lower triangular part of L (its diagonal is 1), trained
    upper: np.ndarray  # [C, C], strictly upper triangular, trained
    log_diagonal: np.ndarray  # [C], trained


class InvertibleConv1x1(SinglePassBijector):
    r"""A learned linear map of the channels, the same at every pixel (Glow, Table 1, row 2).

        forward          y_ij = W x_ij
        inverse          x_ij = W^-1 y_ij
        log|det dy/dx|   h * w * sum(log|s|)

    with `W = P L (U + diag(s))` (equation 10). The permutation P and the signs of s are fixed
    after initialization; L, U and log|s| are trained, so that s cannot cross zero. The inverse uses two
    triangular solves, which compile under XLA. Works on vectors `[..., C]` and images `[..., H, W, C]`.

    Args:
      permutation: float `[C, C]`, the permutation matrix P.
      sign: float `[C]`, the signs of s, +1 or -1.
      lower: float `[C, C]`; only the part below the diagonal is used, the diagonal of L is one.
      upper: float `[C, C]`; only the part above the diagonal is used.
      log_diagonal: float `[C]`, log|s|.

    Raises:
      ValueError: if the last dimension of an input is not C.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import InvertibleConv1x1
    >>> conv = InvertibleConv1x1(*InvertibleConv1x1.random_rotation(3, seed=0))
    >>> x = tf.random.stateless_normal([2, 4, 4, 3], seed=[0, 0])
    >>> y = conv.forward(x)  # a rotation keeps lengths
    >>> bool(abs(tf.norm(y) / tf.norm(x) - 1) < 1e-5)
    True
    """

    def __init__(
        self,
        permutation: ArrayLike | tf.Variable,
        sign: ArrayLike | tf.Variable,
        lower: ArrayLike | tf.Variable,
        upper: ArrayLike | tf.Variable,
        log_diagonal: ArrayLike | tf.Variable,
        validate_args: bool = False,
        name: str = "invertible_conv_1x1",
    ):
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self.permutation = as_parameter(permutation, "permutation")
            self.sign = as_parameter(sign, "sign")
            self.lower = as_parameter(lower, "lower")
            self.upper = as_parameter(upper, "upper")
            self.log_diagonal = as_parameter(log_diagonal, "log_diagonal")
            super().__init__(
                forward_min_event_ndims=1,
                is_constant_jacobian=True,
                dtype=self.log_diagonal.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        event_ndims = {"permutation": 2, "sign": 1, "lower": 2, "upper": 2, "log_diagonal": 1}
        return {name: properties(event_ndims=ndims) for name, ndims in event_ndims.items()}

    @staticmethod
    def random_rotation(channels: int, seed: int, dtype: str = "float32") -> PLU:
        """Returns the factors of a random rotation of `channels` dimensions, the initial W (section 3.2)."""
        normal = np.random.default_rng(seed).standard_normal([channels, channels])
        permutation, lower, upper = scipy.linalg.lu(np.linalg.qr(normal)[0])
        diagonal = np.diag(upper)
        factors = PLU(
            permutation,
            np.sign(diagonal),
            np.tril(lower, -1),
            np.triu(upper, 1),
            np.log(np.abs(diagonal)),
        )
        return PLU(*(factor.astype(dtype) for factor in factors))

    def _triangles(self) -> tuple[tf.Tensor, tf.Tensor]:
        """L with its unit diagonal, and U + diag(s)."""
        lower = tf.linalg.set_diag(tf.linalg.band_part(self.lower, -1, 0), tf.ones_like(self.log_diagonal))
        upper = tf.linalg.set_diag(
            tf.linalg.band_part(self.upper, 0, -1), self.sign * tf.exp(self.log_diagonal)
        )
        return lower, upper

    def _forward_and_log_det(self, x):
        check_channels(self, x, self.log_diagonal.shape[-1])
        lower, upper = self._triangles()
        weight = tf.matmul(tf.matmul(self.permutation, lower), upper)
        y = tf.tensordot(x, tf.transpose(weight), axes=1)
        return y, tf.reduce_sum(self.log_diagonal)

    def _inverse_and_log_det(self, y):
        check_channels(self, y, self.log_diagonal.shape[-1])
        lower, upper = self._triangles()
        inverse = tf.linalg.triangular_solve(lower, tf.transpose(self.permutation))
        inverse = tf.linalg.triangular_solve(upper, inverse, lower=False)
        x = tf.tensordot(y, tf.transpose(inverse), axes=1)
        return x, -tf.reduce_sum(self.log_diagonal)
