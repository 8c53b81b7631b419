"""Squeeze: pixels into channels (RealNVP, Dinh et al. 2016, section 3.6)."""

import tensorflow as tf

from .base import SinglePassBijector, check_rank

ORDERS = ("channel_first", "block_first")


class Squeeze(SinglePassBijector):
    """Trades space for channels: `[..., H, W, C]` becomes `[..., H/2, W/2, 4C]` (RealNVP, figure 3).

    Pixel (i, j) of a 2x2 block, channel c, goes to channel

        c * 4 + 2 * i + j     order="channel_first", as in OpenAI's Glow, TFP and most ports
        (2 * i + j) * C + c   order="block_first", as in `tf.nn.space_to_depth`

    The order matters when weights of another implementation are loaded. log|det| is 0.

    Args:
      order: "channel_first" or "block_first".

    Raises:
      ValueError: if an image's height or width is odd, the channels of `inverse` are not a multiple
        of 4, or the rank is below 3.

    Example:

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import Squeeze
    >>> Squeeze().forward(tf.constant([[[1], [2]], [[3], [4]]])).numpy().tolist()
    [[[1, 2, 3, 4]]]
    """

    def __init__(self, order: str = "channel_first", validate_args: bool = False, name: str = "squeeze"):
        parameters = dict(locals())
        if order not in ORDERS:
            raise ValueError(f"{name}: order is {order!r}, expected one of {ORDERS}.")
        with tf.name_scope(name) as name:
            self._order = order
            super().__init__(
                forward_min_event_ndims=3,
                is_constant_jacobian=True,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    def _forward_event_shape(self, input_shape):
        *batch, height, width, channels = input_shape
        if height % 2 or width % 2:
            raise ValueError(
                f"{self.name}: the input is {height}x{width} (shape {tuple(input_shape)}), "
                "expected an even height and width."
            )
        return tf.TensorShape([*batch, height // 2, width // 2, channels * 4])

    def _inverse_event_shape(self, output_shape):
        *batch, height, width, channels = output_shape
        if channels % 4:
            raise ValueError(
                f"{self.name}: the input of inverse has {channels} channels "
                f"(shape {tuple(output_shape)}), expected a multiple of 4."
            )
        return tf.TensorShape([*batch, height * 2, width * 2, channels // 4])

    def _forward_event_shape_tensor(self, input_shape):
        return input_shape // [2, 2, 1] * [1, 1, 4]

    def _inverse_event_shape_tensor(self, output_shape):
        return output_shape * [2, 2, 1] // [1, 1, 4]

    def _forward_and_log_det(self, x):
        check_rank(self, x, 3)
        height, width, channels = self._forward_event_shape(x.shape)[-3:]
        blocks = _reshape_event(x, 3, [height, 2, width, 2, channels // 4])
        # Axes of a block: row, i, column, j, channel.
        order = [0, 2, 4, 1, 3] if self._order == "channel_first" else [0, 2, 1, 3, 4]
        return _reshape_event(_transpose_event(blocks, order), 5, [height, width, channels]), _zero(x)

    def _inverse_and_log_det(self, y):
        check_rank(self, y, 3)
        height, width, channels = self._inverse_event_shape(y.shape)[-3:]
        if self._order == "channel_first":  # row, column, channel, i, j
            blocks, order = [height // 2, width // 2, channels, 2, 2], [0, 3, 1, 4, 2]
        else:  # row, column, i, j, channel
            blocks, order = [height // 2, width // 2, 2, 2, channels], [0, 2, 1, 3, 4]
        x = _transpose_event(_reshape_event(y, 3, blocks), order)
        return _reshape_event(x, 5, [height, width, channels]), _zero(y)


def _zero(x):
    return tf.zeros([], x.dtype if x.dtype.is_floating else tf.float32)


def _reshape_event(x, event_ndims, event_shape):
    return tf.reshape(x, tf.concat([tf.shape(x)[:-event_ndims], event_shape], axis=0))


def _transpose_event(x, order):
    batch_ndims = x.shape.rank - len(order)
    return tf.transpose(x, [*range(batch_ndims), *(batch_ndims + axis for axis in order)])
