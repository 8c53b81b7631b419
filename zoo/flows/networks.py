"""The networks inside Glow's couplings and priors."""

import keras
import numpy as np
import tensorflow as tf

# OpenAI's Glow multiplies the output of a zero convolution by exp(3 * log_gain): it learns faster.
GAIN_RATE = 3.0

# The weights that act on a network's output, in float32 whatever the dtype policy.
OUTPUT = ("bias_3", "log_gain")


class StackedConvNet(keras.layers.Layer):
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
        super().__init__(autocast=False, **kwargs)
        he_normal = per_step(keras.initializers.HeNormal(keras.random.SeedGenerator(seed)))
        shapes = {
            "kernel_1": kernel_from_shape(channels_in, width),
            "bias_1": (width,),
            "kernel_2": (width, width),
            "bias_2": (width,),
            "kernel_3": kernel_to_shape(width, channels_out),
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
    def apply(p: dict[str, tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """The network of one step: `p` is `parameters()` without the leading axis."""
        h = conv3x3_from(tf.cast(x, p["kernel_1"].dtype), p["kernel_1"])
        h = tf.nn.relu(tf.nn.bias_add(h, p["bias_1"]))
        h = tf.nn.relu(tf.nn.bias_add(tf.matmul(h, p["kernel_2"]), p["bias_2"]))
        h = conv3x3_to(h, p["kernel_3"], tf.shape(x)[:3], x.shape[1:3])
        return (tf.cast(h, tf.float32) + p["bias_3"]) * tf.exp(GAIN_RATE * p["log_gain"])


# Between the convolutions, hidden layers are matrices `[N * H * W, width]`.
#
# A convolution from or to few channels pads them to 16 or 32 on a processor, which costs more than the
# rest of Glow's network. Up to FEW channels, the two 3x3 convolutions are matrix products between the
# hidden layer and the 9 neighbours of each pixel, and a constant convolution moves the neighbours'
# numbers. Twice as fast at 2 to 8 channels on two cores, slower from 12 on.
FEW = 8


def kernel_from_shape(channels: int, width: int) -> tuple[int, ...]:
    """The shape of a kernel of `conv3x3_from`: `[9 * C, width]` for few channels, else as usual."""
    return (9 * channels, width) if channels <= FEW else (3, 3, channels, width)


def kernel_to_shape(width: int, channels: int) -> tuple[int, ...]:
    """The shape of a kernel of `conv3x3_to`: `[width, 9 * C]` for few channels, else as usual."""
    return (width, 9 * channels) if channels <= FEW else (3, 3, width, channels)


def conv3x3_from(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 3x3 SAME convolution of images `[N, H, W, C]` to a hidden layer `[N * H * W, width]`."""
    if kernel.shape.rank == 2:
        return tf.matmul(gather_neighbours(x), kernel)
    return tf.reshape(tf.nn.conv2d(x, kernel, 1, "SAME"), [-1, kernel.shape[-1]])


def conv3x3_to(h: tf.Tensor, kernel: tf.Tensor, pixels: tf.Tensor, size) -> tf.Tensor:
    """A 3x3 SAME convolution of a hidden layer `[N * H * W, width]` to images `[N, H, W, C]`.

    Args:
      pixels: int `[3]`, (N, H, W).
      size: (H, W), as far as they are known.
    """
    if kernel.shape.rank == 2:
        return spread_to_neighbours(tf.matmul(h, kernel), pixels, size)
    return tf.nn.conv2d(_as_images(h, pixels, size), kernel, 1, "SAME")


def gather_neighbours(x: tf.Tensor) -> tf.Tensor:
    """Images `[N, H, W, C]` -> `[N * H * W, 9 * C]`: each pixel's 3x3 neighbourhood, zero outside.

    Times a kernel `[3, 3, C, width]` reshaped to `[9 * C, width]`, this is a 3x3 SAME convolution.
    """
    channels = x.shape[-1]
    identity = np.eye(9 * channels).reshape(3, 3, channels, 9 * channels)
    neighbours = tf.nn.conv2d(x, tf.constant(identity, x.dtype), 1, "SAME")
    return tf.reshape(neighbours, [-1, 9 * channels])


def spread_to_neighbours(h: tf.Tensor, pixels: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """`[N * H * W, 9 * C]` -> images `[N, H, W, C]`: the sum of what its neighbours give to each pixel.

    After a product with a kernel `[3, 3, width, C]` laid out as `[width, 9 * C]`, this is a 3x3 SAME
    convolution.

    Args:
      pixels: int `[3]`, (N, H, W).
      size: (H, W), as far as they are known.
    """
    nine = h.shape[-1]
    # Tap (i, j) of the constant kernel passes on the channels of group (i, j), and no others.
    groups = np.eye(9).reshape(3, 3, 9, 1, 1) * np.eye(nine // 9)
    kernel = tf.constant(groups.reshape(3, 3, nine, nine // 9), h.dtype)
    return tf.nn.conv2d(_as_images(h, pixels, size), kernel, 1, "SAME")


def _as_images(h, pixels, size):
    images = tf.reshape(h, tf.concat([pixels, h.shape[-1:]], 0))
    return tf.ensure_shape(images, [None, *size, h.shape[-1]])


class ZeroConv2D(keras.layers.Layer):
    """A 3x3 convolution that starts at zero, its output times exp(3 * log_gain) (OpenAI's Glow).

    Args:
      channels_in, channels_out: of the images `[N, H, W, C]`.
    """

    def __init__(self, channels_in, channels_out, **kwargs):
        super().__init__(autocast=False, **kwargs)
        shape = (3, 3, channels_in, channels_out)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", autocast=False, name="kernel")
        self.bias = self.add_weight(shape=(channels_out,), initializer="zeros", autocast=False, name="bias")
        self.log_gain = self.add_weight(
            shape=(channels_out,), initializer="zeros", autocast=False, name="log_gain"
        )
        self.built = True

    def call(self, x):
        h = tf.nn.conv2d(x, self.kernel, 1, "SAME")
        return (h + self.bias) * tf.exp(GAIN_RATE * self.log_gain)


def per_step(draw):
    """An initialiser of stacked weights `[K, ...]`: `draw` once for each step, with its fans."""
    return lambda shape, dtype: tf.stack([draw(shape[1:], dtype) for _ in range(shape[0])])


class ResidualDenseNet(keras.layers.Layer):
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
        super().__init__(autocast=False, **kwargs)
        draw = keras.random.SeedGenerator(seed)
        self.first = dense(size_in, width, draw, self.dtype_policy)
        self.blocks = [
            [dense(width, width, draw, self.dtype_policy) for _ in range(2)] for _ in range(blocks)
        ]
        self.last = dense(width, size_out, None, self.dtype_policy)
        self.embedding = class_embedding(self, num_classes, width)
        self.built = True

    def call(self, x, labels=None):
        h = self.first(x)
        if self.embedding is not None:
            h += tf.cast(tf.gather(tf.convert_to_tensor(self.embedding), labels), h.dtype)
        for inner, outer in self.blocks:
            h += outer(tf.nn.relu(inner(tf.nn.relu(h))))
        return tf.cast(self.last(tf.nn.relu(h)), tf.float32)


class ResidualConvNet(keras.layers.Layer):
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
        super().__init__(autocast=False, **kwargs)
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

    def call(self, x, labels=None):
        x = tf.cast(x, self.compute_dtype)
        if self.squeeze:
            x = tf.nn.space_to_depth(x, 2)
        pixels, size = tf.shape(x)[:3], x.shape[1:3]
        width = self.first.units
        h = _as_images(self.first(gather_neighbours(x)), pixels, size)
        if self.embedding is not None:
            embedded = tf.gather(tf.convert_to_tensor(self.embedding), labels)[:, None, None, :]
            h += tf.cast(embedded, h.dtype)
        for inner, outer in self.blocks:
            h += outer(tf.nn.relu(inner(tf.nn.relu(h))))
        h = self.last(tf.reshape(tf.nn.relu(h), [-1, width]))
        y = tf.cast(spread_to_neighbours(h, pixels, size), tf.float32) + self.bias
        return tf.nn.depth_to_space(y, 2) if self.squeeze else y


def dense(size_in, units, draw, dtype, use_bias=True):
    """A built dense layer, a 1x1 convolution on images; `draw` seeds He's initialisation, None: zeros."""
    layer = keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, size_in))
    return layer


def conv(width, draw, dtype):
    """A built 3x3 convolution from `width` channels to as many."""
    layer = keras.layers.Conv2D(width, 3, padding="same", kernel_initializer=_initializer(draw), dtype=dtype)
    layer.build((None, None, None, width))
    return layer


def class_embedding(layer, num_classes, width):
    """A weight `[num_classes, width]` that starts at zero, or None without classes."""
    if not num_classes:
        return None
    return layer.add_weight(shape=(num_classes, width), initializer="zeros", autocast=False, name="embedding")


def _initializer(draw):
    return "zeros" if draw is None else keras.initializers.HeNormal(draw)
