"""Inception v3 of keras.applications (Szegedy et al. 2016), whose weights Keras downloads."""

import contextlib
import hashlib

import keras
import numpy as np

from .feature_network import FeatureNetwork


class InceptionV3(FeatureNetwork):
    """The features of published Fréchet distances, in the weights that Keras has.

    Those of the FID's authors are others, and so is their resize: compare with published numbers with care.

    Args:
      weights: "imagenet", downloaded into Keras's cache if it is not there; None: random ones.

    Raises:
      OSError: the weights cannot be downloaded.
    """

    name = "inception_v3"
    layer = "last average pooling"
    size = 299
    num_features = 2048

    def __init__(self, weights: str | None = "imagenet"):
        super().__init__()
        try:
            with _keras_defaults():
                classifier = keras.applications.InceptionV3(weights=weights)
        except Exception as error:  # urllib's and Keras's own, of many bases
            reason = " ".join(str(error).split())
            raise OSError(f"the weights of inception_v3 cannot be downloaded: {reason}") from error
        outputs = [classifier.get_layer("avg_pool").output, classifier.output]
        self._network = keras.Model(classifier.input, outputs)
        digest = hashlib.sha256()
        for weight in classifier.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        self.checksum = digest.hexdigest()

    def _outputs(self, images):
        return self._network(images / 127.5 - 1.0, training=False)


@contextlib.contextmanager
def _keras_defaults():
    """Keras's settings as published features have them: its applications take no others as arguments."""
    data_format, policy = keras.config.image_data_format(), keras.config.dtype_policy()
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_image_data_format(data_format)
        keras.config.set_dtype_policy(policy)
