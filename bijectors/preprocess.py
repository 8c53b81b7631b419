"""Preprocessing of pixel values before the first layer, with TFP's bijectors."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

tfb = tfp.bijectors


def center() -> tfb.Bijector:
    """Returns the map x - 1/2 from [0, 1] to [-1/2, 1/2], as in OpenAI's Glow."""
    return _affine(1.0, -0.5, name="center")


def logit(margin: float = 0.05) -> tfb.Bijector:
    """Returns the map logit(margin + (1 - 2 margin) x) from [0, 1] to the real line (RealNVP, section 4.1).

    The margin keeps the ends away from infinity. RealNVP uses 0.05; Residual Flow 0.05, and 1e-6 for
    MNIST. The log-determinant is part of every density in the zoo.

    Raises:
      ValueError: if margin is not in (0, 1/2).

    Example:

    >>> from latentzoo.bijectors import logit
    >>> round(float(logit(0.05).forward(1.0)), 4)  # log(0.95 / 0.05)
    2.9444
    """
    if not 0 < margin < 0.5:
        raise ValueError(f"logit: margin is {margin}, expected a number between 0 and 1/2.")
    squash = _affine(1 - 2 * margin, margin, name="squash")
    return tfb.Chain([tfb.Invert(tfb.Sigmoid()), squash], name="logit")


def _affine(scale: float, shift: float, name: str) -> tfb.Bijector:
    """scale * x + shift in the dtype of x; `tfb.Scale` and `tfb.Shift` of a number are float32 only."""
    return tfb.Inline(
        forward_fn=lambda x: scale * x + shift,
        inverse_fn=lambda y: (y - shift) / scale,
        forward_log_det_jacobian_fn=lambda x: tf.constant(math.log(scale), x.dtype),
        inverse_log_det_jacobian_fn=lambda y: tf.constant(-math.log(scale), y.dtype),
        forward_min_event_ndims=0,
        is_constant_jacobian=True,
        name=name,
    )
