"""Inception v3 of keras.applications (Szegedy et al. 2016), with weights that Keras downloads."""

import contextlib
import hashlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from .feature_network import FeatureNetwork


class InceptionV3(FeatureNetwork):
    """The features of published Fréchet distances, with Keras's weights.

    The authors of the FID use other weights and another resize: compare with published numbers with care.

    Args:
      weights: "imagenet", downloaded into Keras's cache if missing; None: random weights.

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
        except Exception as error:  # errors of urllib and Keras, without a common base class
            reason = " ".join(str(error).split())
            raise OSError(f"the weights of inception_v3 cannot be downloaded: {reason}") from error
        outputs = [classifier.get_layer("avg_pool").output, classifier.output]
        self._network = keras.Model(classifier.input, outputs)
        digest = hashlib.sha256()
        for weight in classifier.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        self.checksum = digest.hexdigest()

    def _outputs(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._network(images / 127.5 - 1.0, training=False)


@contextlib.contextmanager
def _keras_defaults() -> Iterator[None]:
    """Keras's default settings, which its applications do not take as arguments."""
    data_format, policy = keras.config.image_data_format(), keras.config.dtype_policy()
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_image_data_format(data_format)
        keras.config.set_dtype_policy(policy)
