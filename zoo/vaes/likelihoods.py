"""Likelihoods p(x | z): the meaning of a pixel, its distribution given the decoder's output, and the unit."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..images import bin_centers, dequantize, to_uint8
from .binarization import binarize, binarize_once
from .discretized_logistic import DiscretizedLogistic

tfd = tfp.distributions

# The smallest log s of the discretized logistic, with s in pixel values.
MIN_LOG_SCALE = -2.5


def make(kind: str, binarization: str) -> "Likelihood":
    """Makes the likelihood of a VAE: "bernoulli", "gaussian" or "discretized_logistic"."""
    if kind == "bernoulli":
        return Bernoulli(binarization, name="likelihood")
    return {"gaussian": Gaussian, "discretized_logistic": DiscretizedLogisticPixels}[kind](name="likelihood")


class Likelihood(keras.layers.Layer):
    """p(x | z) of the values x that stand for an image.

    Attributes:
      unit: of the model's scores, "nats" or "bits/dim".
      channels_factor: the channels of the decoder's output for each channel of the images.
      protocol: a human-readable description of how scores treat pixels.
    """

    unit: str
    channels_factor: int
    protocol: str

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def data(self, images: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        """Converts images to values x; `noise`, uniform in [0, 1) of their shape, is only for training."""
        raise NotImplementedError

    def as_input(self, x: tf.Tensor) -> tf.Tensor:
        """Scales x to [-1, 1] for the encoder."""
        raise NotImplementedError

    def distribution(self, output: tf.Tensor) -> tfd.Distribution:
        """Returns p(x | z), given the decoder's output `[..., H, W, channels_out]`."""
        raise NotImplementedError

    def images(self, output: tf.Tensor) -> tf.Tensor:
        """Returns the images in [0, 1] that represent the decoder's output."""
        raise NotImplementedError


class Bernoulli(Likelihood):
    """Black and white pixels, drawn from grayscale values as probabilities of white.

    In training, images are binarized anew in every step ("dynamic") or once ("static"). Elsewhere each image
    is binarized once (`binarize_once`), with seed 0, so that all models see the same data.

    Args:
      binarization: "dynamic" or "static".
    """

    unit = "nats"
    channels_factor = 1

    def __init__(self, binarization: str, **kwargs):
        super().__init__(**kwargs)
        self.binarization = binarization
        self.protocol = f"Bernoulli, {binarization} binarisation; each scored image binarised once, seed 0"
        self.built = True

    def data(self, images: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        if noise is None or self.binarization == "static":
            return binarize_once(images, seed=0)
        return binarize(images, noise)

    def as_input(self, x: tf.Tensor) -> tf.Tensor:
        return 2 * x - 1

    def distribution(self, output: tf.Tensor) -> tfd.Distribution:
        return tfd.Independent(tfd.Bernoulli(logits=output, dtype=tf.float32), 3)

    def images(self, output: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(output)


class Gaussian(Likelihood):
    """N(x; mu(z), sigma^2) of continuous pixels, with one learned sigma for all (Rybkin et al. 2021).

    A normalized density on the real line, in nats. In training, a uint8 pixel is dequantized with uniform
    noise; elsewhere it is the center of its bin. A float pixel is already continuous.
    """

    unit = "nats"
    channels_factor = 1
    protocol = "Gaussian density of pixels in [0, 1], uint8 at the centres of their bins"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        initializer = keras.initializers.Constant(math.log(0.3))  # about the spread of pixels around gray
        self.log_scale = self.add_weight(
            shape=(), dtype="float32", initializer=initializer, autocast=False, name="log_scale"
        )
        self.built = True

    def data(self, images: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        return bin_centers(images) if noise is None else dequantize(images, noise)

    def as_input(self, x: tf.Tensor) -> tf.Tensor:
        return 2 * x - 1

    def distribution(self, output: tf.Tensor) -> tfd.Distribution:
        return tfd.Independent(tfd.Normal(0.5 + output, tf.exp(tf.convert_to_tensor(self.log_scale))), 3)

    def images(self, output: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(0.5 + output, 0.0, 1.0)


class DiscretizedLogisticPixels(Likelihood):
    """Exact probabilities of 8-bit pixels: no noise is added, and the unit is bits/dim.

    The decoder outputs the location and scale of each pixel. A float pixel x is the value floor(256 x).
    The image of an output is its locations, as bin centers.
    """

    unit = "bits/dim"
    channels_factor = 2
    protocol = "discretised logistic of 8-bit pixels, no dequantisation"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def data(self, images: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        return tf.cast(images if images.dtype == tf.uint8 else to_uint8(images), tf.float32)

    def as_input(self, x: tf.Tensor) -> tf.Tensor:
        return x / 127.5 - 1

    def distribution(self, output: tf.Tensor) -> tfd.Distribution:
        loc, log_scale = self._loc_and_log_scale(output)
        return tfd.Independent(DiscretizedLogistic(loc, log_scale), 3)

    def images(self, output: tf.Tensor) -> tf.Tensor:
        loc, _ = self._loc_and_log_scale(output)
        return tf.clip_by_value((loc + 0.5) / 256.0, 0.0, 1.0)

    def _loc_and_log_scale(self, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loc, log_scale = tf.split(output, 2, axis=-1)
        # The scale starts near 16 values. At its minimum, 0.08, 99.5% of the mass is at the location.
        log_scale = tf.math.softplus(log_scale + math.log(16.0) - MIN_LOG_SCALE) + MIN_LOG_SCALE
        return 127.5 * (1 + loc), log_scale
