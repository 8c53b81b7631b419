"""The zero-initialized convolution of Glow's priors (Kingma & Dhariwal 2018, section 3.3)."""

import keras
import tensorflow as tf

from .batch_shape import any_batch_shape
from .part import Part

# OpenAI's Glow multiplies the output of a zero convolution by exp(3 * log_gain), to learn faster.
GAIN_RATE = 3.0


@keras.saving.register_keras_serializable(package="latentzoo")
class ZeroConv2D(Part):
    """A 3x3 convolution initialized to zero, its output multiplied by exp(3 * log_gain) (OpenAI's Glow).

    Args:
      channels_in, channels_out: channels of the input and output images `[..., H, W, C]`.
    """

    def __init__(self, channels_in: int, channels_out: int, **kwargs):
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
    def call(self, x: tf.Tensor) -> tf.Tensor:
        h = tf.nn.conv2d(x, self.kernel, 1, "SAME")
        return (h + self.bias) * tf.exp(GAIN_RATE * self.log_gain)
