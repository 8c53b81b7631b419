"""Likelihoods p(x | z): what a pixel is, how the decoder's output is its distribution, what the unit is.

A likelihood has four parts. `data(images, noise)` makes of images the values x that it is a distribution
of; noise, uniform in [0, 1) and of the images' shape, is drawn in training alone. `as_input(x)` is what the
encoder sees of them, from -1 to 1. `distribution(output)` is p(x | z) of the decoder's output
`[..., H, W, channels_out]`. `images(output)` are the images in [0, 1] that stand for it.
"""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..images import bin_centres, dequantise, to_uint8
from .binarization import binarize, binarize_once
from .discretized_logistic import DiscretizedLogistic

tfd = tfp.distributions

# Of log s of the discretised logistic, in pixel values.
LEAST = -2.5


class Bernoulli(keras.layers.Layer):
    """Black and white pixels; a grey value is the probability of white, of which a draw is taken.

    In training a fresh draw in every step ("dynamic"), or each image's one draw ("static"). In everything
    else each image's one draw, `binarize_once`: of seed 0, so that all models see the same data.

    Args:
      binarization: "dynamic" or "static".
    """

    unit = "nats"
    channels_factor = 1

    def __init__(self, binarization, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.binarization = binarization
        self.built = True

    @property
    def protocol(self) -> str:
        """What a score is of, in words."""
        return f"Bernoulli, {self.binarization} binarisation; each scored image binarised once, seed 0"

    def data(self, images, noise=None):
        if noise is None or self.binarization == "static":
            return binarize_once(images, seed=0)
        return binarize(images, noise)

    def as_input(self, x):
        return 2 * x - 1

    def distribution(self, output):
        return tfd.Independent(tfd.Bernoulli(logits=output, dtype=tf.float32), 3)

    def images(self, output):
        return tf.sigmoid(output)


class Gaussian(keras.layers.Layer):
    """N(x; mu(z), sigma^2) of continuous pixels, sigma learned and one for all (Rybkin et al. 2021).

    A density on the real line, in nats; its constant is counted. A uint8 pixel is dequantised with uniform
    noise in training and stands at its bin's centre in everything else; a float pixel is continuous already.
    """

    unit = "nats"
    channels_factor = 1
    protocol = "Gaussian density of pixels in [0, 1], uint8 at the centres of their bins"

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)
        start = keras.initializers.Constant(math.log(0.3))  # about the spread of pixels around grey
        self.log_scale = self.add_weight(
            shape=(), dtype="float32", initializer=start, autocast=False, name="log_scale"
        )
        self.built = True

    def data(self, images, noise=None):
        return bin_centres(images) if noise is None else dequantise(images, noise)

    def as_input(self, x):
        return 2 * x - 1

    def distribution(self, output):
        return tfd.Independent(tfd.Normal(0.5 + output, tf.exp(tf.convert_to_tensor(self.log_scale))), 3)

    def images(self, output):
        return tf.clip_by_value(0.5 + output, 0.0, 1.0)


class DiscretizedLogisticPixels(keras.layers.Layer):
    """Probabilities of 8-bit pixels, exact: no noise is added, and the unit is bits/dim.

    Location and scale of each pixel are the decoder's. A float image stands for the bins of its values,
    floor(256 x). The image of an output is its locations, at the centres of bins.
    """

    unit = "bits/dim"
    channels_factor = 2
    protocol = "discretised logistic of 8-bit pixels, no dequantisation"

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.built = True

    def data(self, images, noise=None):
        return tf.cast(images if images.dtype == tf.uint8 else to_uint8(images), tf.float32)

    def as_input(self, x):
        return x / 127.5 - 1

    def distribution(self, output):
        loc, log_scale = self._loc_and_log_scale(output)
        return tfd.Independent(DiscretizedLogistic(loc, log_scale), 3)

    def images(self, output):
        loc, _ = self._loc_and_log_scale(output)
        return tf.clip_by_value((loc + 0.5) / 256.0, 0.0, 1.0)

    def _loc_and_log_scale(self, output):
        loc, log_scale = tf.split(output, 2, axis=-1)
        # The scale starts near 16 values. At its least, 0.08, half a per cent is beside the location.
        return 127.5 * (1 + loc), tf.math.softplus(log_scale + math.log(16.0) - LEAST) + LEAST
