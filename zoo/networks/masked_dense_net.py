"""MADE: a network whose outputs depend only on earlier coordinates (Germain et al. 2015)."""

import keras
import tensorflow as tf

from ...bijectors import autoregressive_masks
from .batch_shape import any_batch_shape
from .hidden_layers import context_layer
from .part import Part


@keras.saving.register_keras_serializable(package="latentzoo")
class MaskedDenseNet(Part):
    """`DenseNet` with MADE's masks: the outputs for coordinate d depend only on coordinates before d.

    All outputs depend on the context. Source: Germain et al. 2015.

    Args:
      size: D; the output is `[..., 2 * D]`.
      context_size, width, seed: as in `DenseNet`.
    """

    def __init__(self, size: int, context_size: int, width: int, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.size, self.context_size, self.width, self.seed = size, context_size, width, seed
        draw = keras.random.SeedGenerator(seed)
        self.masks = autoregressive_masks(size, (width, width))
        self.kernels, self.biases = [], []
        for k, mask in enumerate(self.masks):
            last = k == len(self.masks) - 1
            self.kernels.append(
                self.add_weight(
                    shape=mask.shape,
                    initializer="zeros" if last else keras.initializers.HeNormal(draw),
                    autocast=False,
                    name=f"kernel_{k}",
                )
            )
            self.biases.append(
                self.add_weight(shape=mask.shape[1:], initializer="zeros", autocast=False, name=f"bias_{k}")
            )
        self.context = context_layer(self, context_size, width, draw)
        self.built = True

    @any_batch_shape(event_ndims=1, condition_ndims=1)
    def call(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        h = self._masked(0, tf.cast(x, self.compute_dtype))
        if self.context is not None:
            h += self.context(tf.cast(context, self.compute_dtype))
        h = self._masked(1, tf.nn.relu(h))
        return tf.cast(self._masked(2, tf.nn.relu(h)), tf.float32)

    def _masked(self, k, h):
        kernel = tf.cast(self.kernels[k] * self.masks[k], self.compute_dtype)
        return tf.matmul(h, kernel) + tf.cast(self.biases[k], self.compute_dtype)
