"""How different two images look, by the feature maps of SqueezeNet (Zhang et al. 2018, LPIPS)."""

import tensorflow as tf

from .feature_network import as_rgb
from .register import feature_network

# Zhang et al.'s layers of SqueezeNet.
LAYERS = ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")

# Smaller images are enlarged, since the last maps need some pixels; larger ones are reduced.
SMALLEST, LARGEST = 64, 256

PROTOCOL = (
    f"squeezenet1.1, {len(LAYERS)} layers, unit-normalised, unweighted; images of {SMALLEST} to {LARGEST} px"
)


def perceptual_distance(images_a, images_b) -> tf.Tensor:
    """The perceptual distance of each pair of images, float32 `[N]`. Differentiable.

    In each layer the feature vector of every place is scaled to length 1; the squared differences are
    summed over channels, averaged over places, and summed over layers (Zhang et al. 2018, equation 1,
    with all weights 1: their "baseline" distance, without the calibration to human judgements).

    Args:
      images_a, images_b: `[N, H, W, C]`, as `as_rgb` takes them. Square images below 64 pixels are
        enlarged to 64, those above 256 reduced to 256, bilinearly.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.features import perceptual_distance
    >>> white = tf.ones([1, 32, 32, 1])
    >>> float(perceptual_distance(white, white)[0])
    0.0
    """
    images = tf.concat([images_a, images_b], axis=0)
    size = min(max(*images.shape[1:3], SMALLEST), LARGEST)
    maps = feature_network("squeezenet1.1").maps(as_rgb(images, size), LAYERS)
    return tf.add_n([_distance(*tf.split(features, 2)) for features in maps])


def _distance(features_a, features_b):
    # l2_normalize bounds the squared norm by epsilon, so that a place without features has a gradient.
    a, b = (tf.math.l2_normalize(x, axis=-1, epsilon=1e-10) for x in (features_a, features_b))
    return tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(a, b), axis=-1), axis=[1, 2])
