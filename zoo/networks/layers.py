"""Keras's layers with a bias whose gradient is accurate in bfloat16.

The gradient of a bias is a sum over all examples and pixels. On a CPU, TensorFlow computes it in the dtype of
the layer: in bfloat16, a sum of ones stops at 256. Here it is a matrix product, which accumulates in float32.
"""

from .. import keras_backend  # noqa: F401  # isort: skip
import keras
import tensorflow as tf


@tf.custom_gradient
def add_bias(x: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Adds a bias `[C]`, usually float32, to the channels of `x [..., C]`.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.networks.layers import add_bias
    >>> add_bias(tf.zeros([2, 2]), tf.constant([1.0, 2.0])).numpy().tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """

    def gradient(dy):
        flat = tf.reshape(dy, [-1, dy.shape[-1]])
        dbias = tf.matmul(tf.ones([1, tf.shape(flat)[0]], dy.dtype), flat)
        return dy, tf.cast(dbias[0], bias.dtype)

    return tf.nn.bias_add(x, tf.cast(bias, x.dtype)), gradient


@keras.saving.register_keras_serializable(package="latentzoo")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, with the same arguments and weights."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return _finish(self, tf.matmul(inputs, self.kernel))


@keras.saving.register_keras_serializable(package="latentzoo")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, with the same arguments and weights; NHWC whatever Keras's data format is."""

    def __init__(self, *args, data_format="channels_last", **kwargs):
        super().__init__(*args, data_format=data_format, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return _finish(self, self.convolution_op(inputs, self.kernel))


@keras.saving.register_keras_serializable(package="latentzoo")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, with the same arguments and weights; NHWC like `Conv2D`."""

    def __init__(self, *args, data_format="channels_last", **kwargs):
        super().__init__(*args, data_format=data_format, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        y = keras.ops.conv_transpose(
            inputs, self.kernel, list(self.strides), self.padding, self.output_padding, self.data_format,
            self.dilation_rate,
        )  # fmt: skip
        return _finish(self, y)


def _finish(layer, y):
    y = add_bias(y, tf.convert_to_tensor(layer.bias)) if layer.use_bias else y
    return y if layer.activation is None else layer.activation(y)
