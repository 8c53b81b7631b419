"""The base class of feature networks: images in, features and class probabilities out."""

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike


class FeatureNetwork:
    """A classifier of photos whose last hidden layer gives the features of an image.

    A subclass sets the attributes and implements `_outputs`.

    Attributes:
      name: such as squeezenet1.1; part of the names of metrics that use the network.
      layer: a human-readable description of the layer of the features.
      size: images are resized to `size` x `size` pixels.
      num_features: F.
      num_classes: K, of the classifier.
      checksum: the sha256 of the weights, in hexadecimal.
    """

    name: str
    layer: str
    size: int
    num_features: int
    num_classes: int = 1000
    checksum: str

    def __init__(self):
        self._compiled = tf.function(self._from_images, autograph=False)

    @property
    def protocol(self) -> str:
        """A human-readable description: network, checksum, layer and resize filter."""
        resize = f"bilinear to {self.size}x{self.size}"
        return f"{self.name} (sha256 {self.checksum[:12]}), {self.layer}, {resize}"

    def features(self, images: tf.Tensor | ArrayLike) -> np.ndarray:
        """Returns the features, float32 `[N, F]`, of images as in `features_and_probabilities`."""
        return self.features_and_probabilities(images)[0]

    def probabilities(self, images: tf.Tensor | ArrayLike) -> np.ndarray:
        """Returns the class probabilities, float32 `[N, K]`, of images as in `features_and_probabilities`."""
        return self.features_and_probabilities(images)[1]

    def features_and_probabilities(self, images: tf.Tensor | ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Returns features `[N, F]` and class probabilities `[N, K]`, float32, at the cost of one.

        All images are processed at once: pass batches.

        Args:
          images: `[N, H, W, C]`, uint8 in [0, 255] or float32 in [0, 1]; see `as_rgb`.

        Raises:
          ValueError: images have a wrong shape or dtype.
        """
        features, probabilities = self._compiled(check_images(images))
        return features.numpy(), probabilities.numpy()

    def _from_images(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._outputs(as_rgb(images, self.size))

    def _outputs(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns (features, probabilities) of RGB `[N, size, size, 3]`, float32 in [0, 255].

        Differentiable.
        """
        raise NotImplementedError


def check_images(images: tf.Tensor | ArrayLike) -> tf.Tensor:
    """Returns `images` as a tensor, if it is a batch of grayscale, RGB or RGBA images of a known dtype.

    Raises:
      ValueError: it is not.
    """
    tensor = tf.convert_to_tensor(images)
    if tensor.shape.rank != 4 or tensor.shape[-1] not in (1, 3, 4):
        raise ValueError(f"images has shape {tuple(tensor.shape)}, expected [N, H, W, C] with C 1, 3 or 4.")
    if tensor.dtype not in (tf.uint8, tf.float32):
        raise ValueError(
            f"images has dtype {tensor.dtype.name}, expected uint8 in [0, 255] or float32 in [0, 1]."
        )
    return tensor


def as_rgb(images: tf.Tensor, size: int) -> tf.Tensor:
    """Converts images to the input of a network trained on photos. Differentiable.

    Grayscale is repeated in three channels, RGBA is composited on white. The resize is bilinear, with
    antialiasing if it reduces images.

    Args:
      images: `[N, H, W, C]`, C 1, 3 or 4, uint8 in [0, 255] or float32 in [0, 1].
      size: the height and width to resize to.

    Returns:
      RGB, float32 `[N, size, size, 3]` in [0, 255].

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.features import as_rgb
    >>> as_rgb(tf.fill([1, 2, 2, 1], 0.5), 4)[0, 0, 0].numpy().tolist()
    [127.5, 127.5, 127.5]
    """
    images = tf.cast(images, tf.float32) * (1.0 if images.dtype == tf.uint8 else 255.0)
    if images.shape[-1] == 4:
        opacity = images[..., 3:] / 255.0
        images = images[..., :3] * opacity + 255.0 * (1.0 - opacity)
    if tuple(images.shape[1:3]) != (size, size):
        shrinks = max(images.shape[1:3]) > size
        images = tf.image.resize(images, [size, size], method="bilinear", antialias=shrinks)
    return tf.tile(images, [1, 1, 1, 3]) if images.shape[-1] == 1 else images
