"""The coupling networks of Glow: one layer holds those of all steps of a level."""

from collections.abc import Callable

import keras
import tensorflow as tf

from .batch_shape import any_batch_shape
from .neighbors import dense_relu, gather_neighbors, spread_to_neighbors
from .part import Part
from .zero_conv import GAIN_RATE

# The weights that act on a network's output, in float32 whatever the dtype policy.
OUTPUT = ("bias_3", "log_gain")


@keras.saving.register_keras_serializable(package="latentzoo")
class StackedConvNet(Part):
    """The coupling networks of K steps, their weights stacked along a first axis (Glow, section 4).

        h = relu(conv3x3(x));  h = relu(conv1x1(h));  y = (conv3x3(h) + b) * exp(3 * log_gain)

    The last convolution is initialized to zero, so that each coupling starts with h = t = 0. OpenAI's code
    also has actnorm on the hidden layers; here they have He's initialization and a bias. Convolutions
    compute in the dtype policy's compute dtype; the output is float32.

    Args:
      depth: K.
      channels_in, width, channels_out: channels of the input, the hidden layers and the output.
      seed: integer, of the initial weights.
    """

    def __init__(self, depth: int, channels_in: int, width: int, channels_out: int, seed: int, **kwargs):
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
        """Returns the stacked weights `[K, ...]`, those of convolutions in the compute dtype."""
        weights = {name: tf.convert_to_tensor(w) for name, w in self._stacked.items()}
        return {n: w if n in OUTPUT else tf.cast(w, self.compute_dtype) for n, w in weights.items()}

    @staticmethod
    @any_batch_shape(event_ndims=3)
    def apply(p: dict[str, tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """Applies the network of one step: `p` is `parameters()` without the leading axis."""
        h = gather_neighbors(tf.cast(x, p["kernel_1"].dtype))
        h = dense_relu(h, p["kernel_1"], p["bias_1"])
        h = dense_relu(h, p["kernel_2"], p["bias_2"])
        h = spread_to_neighbors(tf.matmul(h, p["kernel_3"]), x.shape[1:3])
        return (tf.cast(h, tf.float32) + p["bias_3"]) * tf.exp(GAIN_RATE * p["log_gain"])


def per_step(initializer: Callable) -> Callable:
    """Returns an initializer of stacked weights `[K, ...]` that applies `initializer` to each step."""
    return lambda shape, dtype: tf.stack([initializer(shape[1:], dtype) for _ in range(shape[0])])
