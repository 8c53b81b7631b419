"""What a feature network is, whatever is inside: images in, features and class probabilities out."""

import numpy as np
import tensorflow as tf


class FeatureNetwork:
    """A classifier of photos whose last hidden layer describes an image in a few hundred numbers.

    A subclass sets the attributes and writes `_outputs`.

    Attributes:
      name: such as squeezenet1.1; a number measured by the network bears it.
      layer: which layer the features are, in words.
      size: images are resized to `size` x `size` pixels.
      num_features: F.
      num_classes: K, of the classifier.
      checksum: sha256 of the weights, in hexadecimal.
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
        """Network, checksum, layer and resize filter, in words."""
        resize = f"bilinear to {self.size}x{self.size}"
        return f"{self.name} (sha256 {self.checksum[:12]}), {self.layer}, {resize}"

    def features(self, images) -> np.ndarray:
        """float32 `[N, F]` of images as `features_and_probabilities` takes them."""
        return self.features_and_probabilities(images)[0]

    def probabilities(self, images) -> np.ndarray:
        """float32 `[N, K]` of images as `features_and_probabilities` takes them."""
        return self.features_and_probabilities(images)[1]

    def features_and_probabilities(self, images) -> tuple[np.ndarray, np.ndarray]:
        """Both at the cost of one. All images go through at once: give it batches.

        Args:
          images: `[N, H, W, C]`, uint8 in [0, 255] or float32 in [0, 1]; see `as_rgb`.

        Raises:
          ValueError: images of a wrong kind.
        """
        features, probabilities = self._compiled(check_pictures(images))
        return features.numpy(), probabilities.numpy()

    def _from_images(self, images):
        return self._outputs(as_rgb(images, self.size))

    def _outputs(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(features, probabilities) of RGB `[N, size, size, 3]`, float32 in [0, 255]. Differentiable."""
        raise NotImplementedError


def check_pictures(images) -> tf.Tensor:
    """`images` as a tensor, if it is a batch of grey, RGB or RGBA images of a known dtype.

    Raises:
      ValueError: it is not.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(f"images has shape {tuple(images.shape)}, expected [N, H, W, C] with C 1, 3 or 4.")
    if images.dtype not in (tf.uint8, tf.float32):
        raise ValueError(
            f"images has dtype {images.dtype.name}, expected uint8 in [0, 255] or float32 in [0, 1]."
        )
    return images


def as_rgb(images: tf.Tensor, size: int) -> tf.Tensor:
    """Images as a network trained on photos takes them, differentiable: float32 `[N, size, size, 3]`.

    Grey is repeated in three channels, RGBA is laid on white. The resize is bilinear; where an image
    shrinks, the filter widens with it.

    Args:
      images: `[N, H, W, C]`, C 1, 3 or 4, uint8 in [0, 255] or float32 in [0, 1].
      size: height and width to resize to.

    Returns:
      RGB, from 0 to 255.

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
