"""The perceptual distance between images, from feature maps of SqueezeNet (Zhang et al. 2018, LPIPS)."""

import tensorflow as tf
from numpy.typing import ArrayLike

from .feature_network import as_rgb
from .register import feature_network
from .squeezenet import SqueezeNet

# The layers of SqueezeNet that Zhang et al. use.
LAYERS = ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")

# Smaller images are enlarged, since the last maps need some pixels; larger ones are reduced.
SMALLEST, LARGEST = 64, 256

PROTOCOL = (
    f"squeezenet1.1, {len(LAYERS)} layers, unit-normalised, unweighted; images of {SMALLEST} to {LARGEST} px"
)


def perceptual_distance(images_a: tf.Tensor | ArrayLike, images_b: tf.Tensor | ArrayLike) -> tf.Tensor:
    """Computes the perceptual distance of each pair of images, float32 `[N]`. Differentiable.

    In each layer, the feature vector at every position is normalized to length 1; the squared differences
    are summed over channels, averaged over positions, and summed over layers (Zhang et al. 2018, equation
    1, with all weights 1: their "baseline" distance, without the calibration to human judgments).

    Args:
      images_a, images_b: `[N, H, W, C]`, as in `as_rgb`. Square images below 64 pixels are enlarged to
        64, those above 256 reduced to 256, bilinearly.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.features import perceptual_distance
    >>> white = tf.ones([1, 32, 32, 1])
    >>> float(perceptual_distance(white, white)[0])
    0.0
    """
    images = tf.concat([images_a, images_b], axis=0)
    size = min(max(*images.shape[1:3], SMALLEST), LARGEST)
    network = feature_network("squeezenet1.1")
    assert isinstance(network, SqueezeNet)
    maps = network.maps(as_rgb(images, size), LAYERS)
    return tf.add_n([_distance(*tf.split(features, 2)) for features in maps])


def _distance(features_a: tf.Tensor, features_b: tf.Tensor) -> tf.Tensor:
    # l2_normalize bounds the squared norm by epsilon, so that a position without features has a gradient.
    a, b = (tf.math.l2_normalize(x, axis=-1, epsilon=1e-10) for x in (features_a, features_b))
    return tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(a, b), axis=-1), axis=[1, 2])
