"""Residual networks of coupling layers (He et al. 2016, with pre-activation)."""

from typing import Any

import keras
import tensorflow as tf

from .batch_shape import any_batch_shape
from .hidden_layers import class_embedding, conv, dense
from .neighbors import gather_neighbors, spread_to_neighbors
from .part import Part


class _ResidualNet(Part):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Part:
        if "blocks" in config:  # the name of `depth` in files of version 0.1.0
            config = {**config, "depth": config["blocks"]}
            del config["blocks"]
        return super().from_config(config)


@keras.saving.register_keras_serializable(package="latentzoo")
class ResidualDenseNet(_ResidualNet):
    """The network of a coupling of vectors: residual blocks (He et al. 2016, pre-activation).

        h = W x + e(label);  h = h + W2 relu(W1 relu(h)) in each block;  y = W relu(h)

    The last layer is initialized to zero. Layers compute in the dtype policy's compute dtype; the output is
    float32.

    Args:
      size_in, width, size_out: sizes of the input, the hidden layers and the output.
      depth: the number of residual blocks.
      num_classes: the number of embedded classes, or 0.
      seed: integer, of the initial weights.
    """

    def __init__(
        self, size_in: int, width: int, size_out: int, *, depth: int, num_classes: int, seed: int, **kwargs
    ):
        super().__init__(**kwargs)
        self.size_in, self.width, self.size_out, self.depth = size_in, width, size_out, depth
        self.num_classes, self.seed = num_classes, seed
        draw = keras.random.SeedGenerator(seed)
        self.first = dense(size_in, width, draw, self.dtype_policy)
        self.blocks = [[dense(width, width, draw, self.dtype_policy) for _ in range(2)] for _ in range(depth)]
        self.last = dense(width, size_out, None, self.dtype_policy)
        self.embedding = class_embedding(self, num_classes, width)
        self.built = True

    @any_batch_shape(event_ndims=1)
    def call(self, x: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        h = self.first(x)
        if self.embedding is not None:
            h += tf.cast(tf.gather(tf.convert_to_tensor(self.embedding), labels), h.dtype)
        for inner, outer in self.blocks:
            h += outer(tf.nn.relu(inner(tf.nn.relu(h))))
        return tf.cast(self.last(tf.nn.relu(h)), tf.float32)


@keras.saving.register_keras_serializable(package="latentzoo")
class ResidualConvNet(_ResidualNet):
    """The network of a coupling of images: residual blocks between two 3x3 convolutions.

        h = conv3x3(x) + e(label);  h = h + conv1x1(relu(conv3x3(relu(h)))) in each block
        y = conv3x3(relu(h))

    The last layer is initialized to zero. Layers compute in the dtype policy's compute dtype; the output is
    float32.

    Args:
      channels_in, width, channels_out: channels of the input, the hidden layers and the output.
      depth: the number of residual blocks.
      squeeze: whether to work on 2x2 blocks of pixels, at half the resolution: for checkerboard masks,
        whose input is half zeros. A quarter of the cost, and a larger receptive field.
      num_classes: the number of embedded classes, or 0.
      seed: integer, of the initial weights.
    """

    def __init__(
        self,
        channels_in: int,
        width: int,
        channels_out: int,
        *,
        depth: int,
        squeeze: bool,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels_in, self.width, self.channels_out = channels_in, width, channels_out
        self.depth, self.squeeze, self.num_classes, self.seed = depth, squeeze, num_classes, seed
        draw = keras.random.SeedGenerator(seed)
        grouped = 4 if squeeze else 1
        policy = self.dtype_policy
        self.first = dense(9 * grouped * channels_in, width, draw, policy)
        self.blocks = [[conv(width, draw, policy), dense(width, width, draw, policy)] for _ in range(depth)]
        self.last = dense(width, 9 * grouped * channels_out, None, policy, use_bias=False)
        self.bias = self.add_weight(
            shape=(grouped * channels_out,), initializer="zeros", autocast=False, name="bias"
        )
        self.embedding = class_embedding(self, num_classes, width)
        self.built = True

    @any_batch_shape(event_ndims=3)
    def call(self, x: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        x = tf.cast(x, self.compute_dtype)
        if self.squeeze:
            x = tf.nn.space_to_depth(x, 2)
        size, width = x.shape[1:3], self.first.units
        h = tf.reshape(self.first(gather_neighbors(x)), [-1, *size, width])
        if self.embedding is not None:
            embedded = tf.gather(tf.convert_to_tensor(self.embedding), labels)[:, None, None, :]
            h += tf.cast(embedded, h.dtype)
        for inner, outer in self.blocks:
            h += outer(tf.nn.relu(inner(tf.nn.relu(h))))
        h = self.last(tf.reshape(tf.nn.relu(h), [-1, width]))
        y = tf.cast(spread_to_neighbors(h, size), tf.float32) + self.bias
        return tf.nn.depth_to_space(y, 2) if self.squeeze else y
