"""Images to the size and colours that a model takes, in a graph."""

import tensorflow as tf


def fit(image: tf.Tensor, image_shape: tuple[int, int, int]) -> tf.Tensor:
    """Cuts an image to the proportions of a shape around its centre, and resizes it.

    Grey becomes RGB or RGB grey, as the shape says. Alpha is opaque where there was none; what is
    transparent is laid on white where there is to be none.

    Args:
      image: [H, W, C], uint8 in [0, 255] or float32 in [0, 1]; C 1, 3 or 4.
      image_shape: (height, width, channels) of the result.

    >>> import tensorflow as tf
    >>> from latentzoo.trainers.resizing import fit
    >>> fit(tf.constant([[[255, 0, 0, 51]]], tf.uint8), (1, 1, 3)).numpy().tolist()
    [[[255, 204, 204]]]
    """
    height, width, channels = image_shape
    image = _recolour(image, channels)
    if image.shape[:2] != (height, width):
        size = tf.shape(image)
        scale = tf.minimum(size[0] / height, size[1] / width)
        cut_height = tf.cast(tf.round(scale * height), tf.int32)
        cut_width = tf.cast(tf.round(scale * width), tf.int32)
        top, left = (size[0] - cut_height) // 2, (size[1] - cut_width) // 2
        image = _resize(image[top : top + cut_height, left : left + cut_width], (height, width))
    return tf.ensure_shape(image, image_shape)


def _recolour(image, channels):
    if image.shape[-1] == channels:
        return image
    white = 255 if image.dtype == tf.uint8 else 1
    colours = tf.cast(image, tf.float32)
    if image.shape[-1] == 4:
        colours, alpha = colours[..., :3], colours[..., 3:] / white
        colours = white + alpha * (colours - white)
    if channels == 1:
        colours = tf.image.rgb_to_grayscale(colours)
    elif image.shape[-1] == 1:
        colours = tf.image.grayscale_to_rgb(colours)
    if channels == 4:
        colours = tf.concat([colours, white * tf.ones_like(colours[..., :1])], axis=-1)
    return _as(image.dtype, colours)


def _resize(image, size):
    if image.shape[-1] != 4:
        return _as(image.dtype, tf.image.resize(image, size, antialias=True))
    # Colours are averaged by their opacity: what is transparent has none to give.
    colours, alpha = (tf.cast(part, tf.float32) for part in (image[..., :3], image[..., 3:]))
    resized = tf.image.resize(tf.concat([colours * alpha, alpha], axis=-1), size, antialias=True)
    colours, alpha = tf.math.divide_no_nan(resized[..., :3], resized[..., 3:]), resized[..., 3:]
    largest = 255.0 if image.dtype == tf.uint8 else 1.0  # which rounding may pass
    return _as(image.dtype, tf.minimum(tf.concat([colours, alpha], axis=-1), largest))


def _as(dtype, values):
    """Floats as they are, or rounded to bytes."""
    return tf.cast(tf.round(values), tf.uint8) if dtype == tf.uint8 else values
