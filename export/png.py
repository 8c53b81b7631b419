"""Twins of the signatures on encoded images, for clients that have files, and for REST."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from ..zoo.signatures import STANDARD, Signature, TensorInfo, Tensors

PNG_HEADER = b"\x89PNG\r\n\x1a\n"
COLOURS = (1, 3, 4)  # grey, RGB, and RGBA, which a JPEG cannot have


def twin(signature: Signature, run: Callable[..., dict[str, tf.Tensor]]) -> Signature | None:
    """The same signature on encoded bytes, or None if it has nothing to do with images.

    `images` coming in become `image_bytes` `[B]`, a PNG or JPEG of the right size each, and `images`
    going out become `image_png_bytes` `[B]`. It is called `<name>_from_png`, or `<name>_to_png` if
    images only go out. A signature of its own, for a server batches requests only if they ask for all
    outputs of a signature.

    Args:
      signature: of the images themselves.
      run: its function, compiled: the two share its graph.
    """
    images = signature.inputs.get("images") or signature.outputs.get("images")
    if images is None or images.shape[-1] not in COLOURS:
        return None
    inputs = _encoded(signature.inputs, "image_bytes", example=_grey(images))
    outputs = _encoded(signature.outputs, "image_png_bytes")

    def function(*tensors):
        named = zip(inputs, tensors, strict=True)
        given = run(*(decode(x, images.shape) if name == "image_bytes" else x for name, x in named))
        pictures = {"image_png_bytes": tf.io.encode_png(given["images"])} if "images" in given else {}
        others = {name: output for name, output in given.items() if name != "images"}
        return {**others, **pictures}

    suffix = "from" if "images" in signature.inputs else "to"
    replaced_by = signature.replaced_by and f"{signature.replaced_by}_{suffix}_png"
    return Signature(f"{signature.name}_{suffix}_png", inputs, outputs, function, replaced_by)


def decode(image_bytes: tf.Tensor, image_shape: tuple[int, int, int]) -> tf.Tensor:
    """uint8 images `[B, H, W, C]` of PNG or JPEG bytes `[B]`.

    Other bytes, a broken image, another size or other channels end in INVALID_ARGUMENT.
    """

    def decode_one(contents):
        # An error of these operations has their name in it.
        is_known = tf.io.is_jpeg(contents) | (tf.strings.substr(contents, 0, 8) == PNG_HEADER)
        size = tf.strings.length(contents)
        message = "image_bytes must hold a PNG or a JPEG, got other bytes, as many as"
        with tf.control_dependencies([tf.debugging.Assert(is_known, [message, size])]):
            image = tf.raw_ops.DecodeImage(contents=contents, expand_animations=False, name="image_bytes")
        return tf.ensure_shape(image, image_shape)

    return tf.map_fn(decode_one, image_bytes, fn_output_signature=tf.TensorSpec(image_shape, tf.uint8))


def _encoded(tensors: Tensors, name: str, **changes) -> Tensors:
    """The declarations with bytes of that name in place of images."""
    info = dataclasses.replace(STANDARD[name], **changes)
    return {
        name if key == "images" else key: info if key == "images" else other for key, other in tensors.items()
    }


def _grey(images: TensorInfo) -> bytes:
    """A grey PNG of their size to warm up with."""
    return tf.io.encode_png(tf.fill(images.shape, tf.constant(images.example, tf.uint8))).numpy()
