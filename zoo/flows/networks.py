"""The networks inside Glow's couplings and priors."""

import keras
import numpy as np
import tensorflow as tf

# OpenAI's Glow multiplies the output of a zero convolution by exp(3 * log_gain): it learns faster.
GAIN_RATE = 3.0


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
        output = ("bias_3", "log_gain")
        return {n: w if n in output else tf.cast(w, self.compute_dtype) for n, w in weights.items()}

    @staticmethod
    def apply(p: dict[str, tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """The network of one step: `p` is `parameters()` without the leading axis."""
        h = tf.matmul(gather_neighbours(tf.cast(x, p["kernel_1"].dtype)), p["kernel_1"])
        h = tf.nn.relu(tf.nn.bias_add(h, p["bias_1"]))
        h = tf.nn.relu(tf.nn.bias_add(tf.matmul(h, p["kernel_2"]), p["bias_2"]))
        h = spread_to_neighbours(tf.matmul(h, p["kernel_3"]), tf.shape(x)[:3], x.shape[1:3])
        return (tf.cast(h, tf.float32) + p["bias_3"]) * tf.exp(GAIN_RATE * p["log_gain"])


# A convolution from or to few channels pads them to 16 or 32 on a processor, which costs more than the
# rest of Glow's network. So its two 3x3 convolutions are matrix products between the hidden layer and
# the 9 neighbours of each pixel, and a constant convolution moves the neighbours' numbers.


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
    images = tf.reshape(h, tf.concat([pixels, [nine]], 0))
    return tf.nn.conv2d(tf.ensure_shape(images, [None, *size, nine]), kernel, 1, "SAME")


class ZeroConv2D(keras.layers.Layer):
    """A 3x3 convolution that starts at zero, its output times exp(3 * log_gain) (OpenAI's Glow).

    Args:
      channels_in, channels_out: of the images `[N, H, W, C]`.
    """

    def __init__(self, channels_in, channels_out, **kwargs):
        super().__init__(autocast=False, **kwargs)
        shape = (3, 3, channels_in, channels_out)
        self.kernel = self.add_weight(
            shape=shape, initializer="zeros", autocast=False, name="kernel"
        )
        self.bias = self.add_weight(
            shape=(channels_out,), initializer="zeros", autocast=False, name="bias"
        )
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
