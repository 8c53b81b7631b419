"""A dense network for vectors, with an optional context."""

import keras
import tensorflow as tf

from .batch_shape import any_batch_shape
from .hidden_layers import context_layer, dense
from .part import Part


@keras.saving.register_keras_serializable(package="latentzoo")
class DenseNet(Part):
    """A network of two hidden layers, of which the first also sees the context.

        h = relu(W1 x + V c);  h = relu(W2 h);  y = W3 h

    The last layer is initialized to zero. Layers compute in the dtype policy's compute dtype; the output is
    float32.

    Args:
      size_in: the size of x `[..., size_in]`.
      context_size: the size of the context c `[..., context_size]`; 0: none.
      width: units of the hidden layers.
      size_out: the size of the output.
      seed: integer, of the initial weights.
    """

    def __init__(self, size_in: int, context_size: int, width: int, size_out: int, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.size_in, self.context_size, self.width = size_in, context_size, width
        self.size_out, self.seed = size_out, seed
        draw = keras.random.SeedGenerator(seed)
        self.first = dense(size_in, width, draw, self.dtype_policy)
        self.context = context_layer(self, context_size, width, draw)
        self.second = dense(width, width, draw, self.dtype_policy)
        self.last = dense(width, size_out, None, self.dtype_policy)
        self.built = True

    @any_batch_shape(event_ndims=1, condition_ndims=1)
    def call(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        h = self.first(tf.cast(x, self.compute_dtype))
        if self.context is not None:
            h += self.context(tf.cast(context, self.compute_dtype))
        h = tf.nn.relu(self.second(tf.nn.relu(h)))
        return tf.cast(self.last(h), tf.float32)
