"""The networks inside Glow's couplings and priors."""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ..layers import Conv2D, Dense
from ..part import Part

# OpenAI's Glow multiplies the output of a zero convolution by exp(3 * log_gain): it learns faster.
GAIN_RATE = 3.0

# The weights that act on a network's output, in float32 whatever the dtype policy.
OUTPUT = ("bias_3", "log_gain")


def any_batch_shape(event_ndims: int, condition_ndims: int = 0) -> Callable:
    """Decorates `network(owner, x, condition)` of one batch axis, so that it takes any, or none.

    Args:
      event_ndims: axes of one event of x `[..., *event]`.
      condition_ndims: axes of one condition (labels: 0), whose batch shape broadcasts to that of x.
    """

    def decorate(network):
        @functools.wraps(network)
        def call(owner, x, *condition):
            batch_ndims = x.shape.rank - event_ndims
            condition = [c for c in condition if c is not None]
            if batch_ndims == 1 and all(c.shape.rank == 1 + condition_ndims for c in condition):
                return network(owner, x, *condition)
            batch = tf.shape(x)[:batch_ndims]
            rows = [_as_rows(c, batch, condition_ndims) for c in condition]
            y = network(owner, _as_rows(x, batch, event_ndims), *rows)
            result = tf.reshape(y, tf.concat([batch, tf.shape(y)[1:]], axis=0))
            return tf.ensure_shape(result, [*x.shape[:batch_ndims], *y.shape[1:]])

        return call

    return decorate


def _as_rows(x, batch, event_ndims):
    """`[..., *event]` broadcast to a batch shape, with one batch axis."""
    event = x.shape[x.shape.rank - event_ndims :]
    return tf.reshape(tf.broadcast_to(x, tf.concat([batch, event], axis=0)), [-1, *event])


@keras.saving.register_keras_serializable(package="latentzoo")
class StackedConvNet(Part):
    """The coupling networks of K steps, their weights stacked along a first axis (Glow, section 4).

        h = relu(conv3x3(x));  h = relu(conv1x1(h));  y = (conv3x3(h) + b) * exp(3 * log_gain)

    The last convolution starts at zero, so that each coupling starts with h = t = 0. OpenAI's code also
    has actnorm on the hidden layers; here they have He's initialisation and a bias. Convolutions work in
    the dtype policy's compute dtype, the output is float32.

    Args:
      depth: K.
      channels_in, width, channels_out: channels of the input, the hidden layers and the output.
      seed: integer, of the initial weights.
    """

    def __init__(self, depth, channels_in, width, channels_out, seed, **kwargs):
        super().__init__(**kwargs)
        self.depth, self.channels_in, self.width = depth, channels_in, width
        self.channels_out, self.seed = channels_out, seed
        he_normal = per_step(keras.initializers.HeNormal(keras.random.SeedGenerator(seed)))
        shapes = {
            "kernel_1": (9 * channels_in, width),
            "bias_1": (width,),
            "kernel_2": (width, width),
            "bias_2": (width,),
            "kernel_3": (width, 9 * channels_out),
            "bias_3": (channels_out,),
            "log_gain": (channels_out,),
        }
        self._stacked = {
            name: self.add_weight(
                shape=(depth, *shape),
                dtype="float32" if name in OUTPUT else None,
                initializer=he_normal if name in ("kernel_1", "kernel_2") else "zeros",
                autocast=False,
                name=name,
            )
            for name, shape in shapes.items()
        }
        self.built = True

    def parameters(self) -> dict[str, tf.Tensor]:
        """The stacked weights `[K, ...]`, those of convolutions in the compute dtype."""
        weights = {name: tf.convert_to_tensor(w) for name, w in self._stacked.items()}
        return {n: w if n in OUTPUT else tf.cast(w, self.compute_dtype) for n, w in weights.items()}

    @staticmethod
    @any_batch_shape(event_ndims=3)
    def apply(p: dict[str, tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """The network of one step: `p` is `parameters()` without the leading axis."""
        h = gather_neighbours(tf.cast(x, p["kernel_1"].dtype))
        h = dense_relu(h, p["kernel_1"], p["bias_1"])
        h = dense_relu(h, p["kernel_2"], p["bias_2"])
        h = spread_to_neighbours(tf.matmul(h, p["kernel_3"]), x.shape[1:3])
        return (tf.cast(h, tf.float32) + p["bias_3"]) * tf.exp(GAIN_RATE * p["log_gain"])


# Between the 3x3 convolutions, hidden layers are matrices `[N * H * W, width]`. The two convolutions are
# matrix products between them and the 9 neighbours of each pixel: libraries pad convolutions from or to
# few channels to 16 or 32 on a processor, which costs more than the rest of Glow's network.


@tf.custom_gradient
def dense_relu(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """relu(x W + b) of `[M, C]`, its gradient by b a matrix product: three times as fast as TensorFlow's."""
    y = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, kernel), bias))

    def gradient(dy):
        dh = tf.raw_ops.ReluGrad(gradients=dy, features=y)
        dx = tf.matmul(dh, kernel, transpose_b=True)
        dkernel = tf.matmul(x, dh, transpose_a=True)
        dbias = tf.matmul(tf.ones([1, tf.shape(dh)[0]], dh.dtype), dh)
        return dx, dkernel, dbias[0]

    return y, gradient


def gather_neighbours(x: tf.Tensor) -> tf.Tensor:
    """Images `[N, H, W, C]` -> `[N * H * W, 9 * C]`: each pixel's 3x3 neighbourhood, zero outside.

    Times a kernel `[3, 3, C, width]` reshaped to `[9 * C, width]`, this is a 3x3 SAME convolution.
    """
    return _gather(x, _neighbours(*x.shape[1:3]))


def spread_to_neighbours(h: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """`[N * H * W, 9 * C]` -> images `[N, H, W, C]`: the sum of what its neighbours give to each pixel.

    After a product with a kernel `[3, 3, width, C]` laid out as `[width, 9 * C]`, this is a 3x3 SAME
    convolution.

    Args:
      size: (H, W).
    """
    return _spread(h, size, _neighbours(*size))


# Each is the other's gradient, with the neighbours across: that of tf.gather is a scatter, which is slow.


def _gather(x, neighbours):
    height, width, channels = x.shape[1:]

    @tf.custom_gradient
    def gather(x):
        pixels = _and_zero(tf.reshape(x, [-1, height * width, channels]))
        gathered = tf.reshape(tf.gather(pixels, neighbours.reshape(-1), axis=1), [-1, 9 * channels])
        return gathered, lambda dy: _spread(dy, (height, width), neighbours[:, ::-1])

    return gather(x)


def _spread(h, size, neighbours):
    (height, width), channels = size, h.shape[-1] // 9
    outside = height * width
    # Of each neighbour, the ninth that is meant for this pixel.
    parts = np.where(neighbours < outside, 9 * neighbours + np.arange(9), 9 * outside)

    @tf.custom_gradient
    def spread(h):
        given = _and_zero(tf.reshape(h, [-1, 9 * outside, channels]))
        taken = tf.reshape(tf.gather(given, parts.reshape(-1), axis=1), [-1, height, width, 9, channels])
        return tf.reduce_sum(taken, axis=3), lambda dy: _gather(dy, neighbours[:, ::-1])

    return spread(h)


def _neighbours(height, width):
    """int `[H * W, 9]`: the numbers of the pixels around each one, row by row; H * W stands for outside."""
    numbers = np.arange(height * width, dtype=np.int32).reshape(height, width)
    numbers = np.pad(numbers, 1, constant_values=height * width)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, (3, 3))
    return windows.reshape(-1, 9)


def _and_zero(rows):
    """`[N, M, C]` -> `[N, M + 1, C]`, zeros last."""
    return tf.pad(rows, [[0, 0], [0, 1], [0, 0]])


@keras.saving.register_keras_serializable(package="latentzoo")
class ZeroConv2D(Part):
    """A 3x3 convolution that starts at zero, its output times exp(3 * log_gain) (OpenAI's Glow).

    Args:
      channels_in, channels_out: of the images `[N, H, W, C]`.
    """

    def __init__(self, channels_in, channels_out, **kwargs):
        super().__init__(**kwargs)
        self.channels_in, self.channels_out = channels_in, channels_out
        shape = (3, 3, channels_in, channels_out)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", autocast=False, name="kernel")
        self.bias = self.add_weight(shape=(channels_out,), initializer="zeros", autocast=False, name="bias")
        self.log_gain = self.add_weight(
            shape=(channels_out,), initializer="zeros", autocast=False, name="log_gain"
        )
        self.built = True

    @any_batch_shape(event_ndims=3)
    def call(self, x):
        h = tf.nn.conv2d(x, self.kernel, 1, "SAME")
        return (h + self.bias) * tf.exp(GAIN_RATE * self.log_gain)


def per_step(draw):
    """An initialiser of stacked weights `[K, ...]`: `draw` once for each step, with its fans."""
    return lambda shape, dtype: tf.stack([draw(shape[1:], dtype) for _ in range(shape[0])])


@keras.saving.register_keras_serializable(package="latentzoo")
class ResidualDenseNet(Part):
    """The network of a coupling of vectors, made of residual blocks (He et al. 2016, pre-activation).

        h = W x + e(label);  h = h + W2 relu(W1 relu(h)) in each block;  y = W relu(h)

    The last layer starts at zero. Layers work in the dtype policy's compute dtype, the output is float32.

    Args:
      size_in, width, size_out: of the input, the hidden layers and the output.
      blocks: residual blocks.
      num_classes: 0, or the number of classes that are embedded.
      seed: integer, of the initial weights.
    """

    def __init__(self, size_in, width, size_out, *, blocks, num_classes, seed, **kwargs):
        super().__init__(**kwargs)
        self.size_in, self.width, self.size_out = size_in, width, size_out
        self.num_classes, self.seed = num_classes, seed
        draw = keras.random.SeedGenerator(seed)
        self.first = dense(size_in, width, draw, self.dtype_policy)
        self.blocks = [
            [dense(width, width, draw, self.dtype_policy) for _ in range(2)] for _ in range(blocks)
        ]
        self.last = dense(width, size_out, None, self.dtype_policy)
        self.embedding = class_embedding(self, num_classes, width)
        self.built = True

    def get_config(self):
        return {**super().get_config(), "blocks": len(self.blocks)}

    @any_batch_shape(event_ndims=1)
    def call(self, x, labels=None):
        h = self.first(x)
        if self.embedding is not None:
            h += tf.cast(tf.gather(tf.convert_to_tensor(self.embedding), labels), h.dtype)
        for inner, outer in self.blocks:
            h += outer(tf.nn.relu(inner(tf.nn.relu(h))))
        return tf.cast(self.last(tf.nn.relu(h)), tf.float32)


@keras.saving.register_keras_serializable(package="latentzoo")
class ResidualConvNet(Part):
    """The network of a coupling of images: residual blocks between two 3x3 convolutions.

        h = conv3x3(x) + e(label);  h = h + conv1x1(relu(conv3x3(relu(h)))) in each block
        y = conv3x3(relu(h))

    The last layer starts at zero. Layers work in the dtype policy's compute dtype, the output is float32.

    Args:
      channels_in, width, channels_out: of the input, the hidden layers and the output.
      blocks: residual blocks.
      squeeze: whether it works on 2x2 blocks of pixels, at half the resolution: for checkerboard masks,
        whose input is half zeros. A quarter of the cost, and a wider view.
      num_classes: 0, or the number of classes that are embedded.
      seed: integer, of the initial weights.
    """

    def __init__(self, channels_in, width, channels_out, *, blocks, squeeze, num_classes, seed, **kwargs):
        super().__init__(**kwargs)
        self.channels_in, self.width, self.channels_out = channels_in, width, channels_out
        self.squeeze, self.num_classes, self.seed = squeeze, num_classes, seed
        draw = keras.random.SeedGenerator(seed)
        self.squeeze = squeeze
        grouped = 4 if squeeze else 1
        policy = self.dtype_policy
        self.first = dense(9 * grouped * channels_in, width, draw, policy)
        self.blocks = [[conv(width, draw, policy), dense(width, width, draw, policy)] for _ in range(blocks)]
        self.last = dense(width, 9 * grouped * channels_out, None, policy, use_bias=False)
        self.bias = self.add_weight(
            shape=(grouped * channels_out,), initializer="zeros", autocast=False, name="bias"
        )
        self.embedding = class_embedding(self, num_classes, width)
        self.built = True

    def get_config(self):
        return {**super().get_config(), "blocks": len(self.blocks)}

    @any_batch_shape(event_ndims=3)
    def call(self, x, labels=None):
        x = tf.cast(x, self.compute_dtype)
        if self.squeeze:
            x = tf.nn.space_to_depth(x, 2)
        size, width = x.shape[1:3], self.first.units
        h = tf.reshape(self.first(gather_neighbours(x)), [-1, *size, width])
        if self.embedding is not None:
            embedded = tf.gather(tf.convert_to_tensor(self.embedding), labels)[:, None, None, :]
            h += tf.cast(embedded, h.dtype)
        for inner, outer in self.blocks:
            h += outer(tf.nn.relu(inner(tf.nn.relu(h))))
        h = self.last(tf.reshape(tf.nn.relu(h), [-1, width]))
        y = tf.cast(spread_to_neighbours(h, size), tf.float32) + self.bias
        return tf.nn.depth_to_space(y, 2) if self.squeeze else y


def dense(size_in, units, draw, dtype, use_bias=True):
    """A built dense layer, a 1x1 convolution on images; `draw` seeds He's initialisation, None: zeros."""
    layer = Dense(units, use_bias=use_bias, kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, size_in))
    return layer


def conv(width, draw, dtype):
    """A built 3x3 convolution from `width` channels to as many."""
    layer = Conv2D(width, 3, padding="same", kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, None, None, width))
    return layer


def class_embedding(layer, num_classes, width):
    """A weight `[num_classes, width]` that starts at zero, or None without classes."""
    if not num_classes:
        return None
    return layer.add_weight(shape=(num_classes, width), initializer="zeros", autocast=False, name="embedding")


def _initializer(draw):
    return "zeros" if draw is None else keras.initializers.HeNormal(draw)
