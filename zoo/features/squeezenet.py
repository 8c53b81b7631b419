"""SqueezeNet 1.1 with ImageNet weights, small enough to ship (Iandola et al. 2016)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from ..registry import sha256
from .feature_network import FeatureNetwork

WEIGHTS = Path(__file__).parent / "squeezenet1.1.npz"
CHECKSUM = "9f5fdeee20627d55f6d56f6062c1af46952150759feeceace33d3862eeea9920"

# The mean pixel of ImageNet, BGR, that the weights were trained with.
_MEANS = (103.939, 116.779, 123.68)

# The layers in order; "pool" halves the resolution.
_LAYERS = (
    "conv1", "pool", "fire2", "fire3", "pool", "fire4", "fire5", "pool", "fire6", "fire7", "fire8", "fire9",
)  # fmt: skip


class SqueezeNet(FeatureNetwork):
    """SqueezeNet 1.1, a version in its authors' code: 1.2 million weights, 1000 classes of ImageNet.

    The first convolution and the pooling layers have no padding. The weights, float16 on disk, come from a
    package under the MIT license: see squeezenet1.1-LICENSE.txt next to them.

    Raises:
      FileNotFoundError: the weights file is missing.
      ValueError: the weights file is damaged.

    >>> import numpy as np
    >>> from latentzoo.zoo.features import SqueezeNet
    >>> network = SqueezeNet()
    >>> network.features(np.zeros([2, 28, 28, 1], np.uint8)).shape
    (2, 512)
    >>> network.maps(np.zeros([2, 64, 64, 3], np.uint8), ["conv1", "fire9"])[1].shape
    TensorShape([2, 3, 3, 512])
    """

    name = "squeezenet1.1"
    layer = "fire9 channel means"
    size = 227
    num_features = 512
    checksum = CHECKSUM

    def __init__(self):
        super().__init__()
        if not WEIGHTS.is_file():
            raise FileNotFoundError(f"'{WEIGHTS}' is missing: the installation of latentzoo is incomplete.")
        found = sha256(WEIGHTS)
        if found != CHECKSUM:
            raise ValueError(f"'{WEIGHTS}' is damaged: its sha256 is {found}, expected {CHECKSUM}.")
        with np.load(WEIGHTS, allow_pickle=False) as arrays, tf.init_scope():
            self._weights = {name: tf.constant(arrays[name], tf.float32) for name in arrays}

    def logits(self, images: tf.Tensor | ArrayLike) -> tf.Tensor:
        """Returns logits, float32 `[N, 1000]`, of RGB images `[N, H, W, 3]` in [0, 255]. Differentiable.

        H and W are at least 31.
        """
        return self._logits(self.maps(images, ["fire9"])[0])

    def maps(self, images: tf.Tensor | ArrayLike, layers: Sequence[str]) -> list[tf.Tensor]:
        """Returns feature maps `[N, h, w, c]`, after the ReLU, without resizing images. Differentiable.

        Args:
          images: RGB `[N, H, W, 3]` in [0, 255]; H and W at least 31 for layers after the last pooling.
          layers: any of conv1, fire2 to fire9.

        Raises:
          ValueError: a layer is unknown.
        """
        for layer in layers:
            if layer not in _LAYERS or layer == "pool":
                raise ValueError(f"layers: got {layer!r}, expected any of conv1, fire2 to fire9.")
        maps = {}
        h = tf.cast(images, tf.float32)[..., ::-1] - _MEANS
        for layer in _LAYERS:
            if layer == "pool":
                h = tf.nn.max_pool2d(h, 3, 2, "VALID")
            elif layer == "conv1":
                h = maps[layer] = self._convolve(h, layer, strides=2, padding="VALID")
            else:
                h = maps[layer] = self._fire(h, layer)
            if len(maps.keys() & set(layers)) == len(set(layers)):
                break
        return [maps[layer] for layer in layers]

    def _outputs(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        (last,) = self.maps(images, ["fire9"])
        return tf.reduce_mean(last, axis=[1, 2]), tf.nn.softmax(self._logits(last))

    def _logits(self, last: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(self._convolve(last, "conv10"), axis=[1, 2])

    def _fire(self, h: tf.Tensor, name: str) -> tf.Tensor:
        squeezed = self._convolve(h, f"{name}/squeeze1x1")
        expanded = [self._convolve(squeezed, f"{name}/expand{size}") for size in ("1x1", "3x3")]
        return tf.concat(expanded, axis=-1)

    def _convolve(self, h: tf.Tensor, name: str, strides: int = 1, padding: str = "SAME") -> tf.Tensor:
        kernel, bias = self._weights[f"{name}/kernel"], self._weights[f"{name}/bias"]
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(h, kernel, strides, padding), bias))
