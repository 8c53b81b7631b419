"""Twins of signatures on encoded images, for clients that have image files and for REST."""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from ..zoo.signatures import STANDARD, Signature, TensorInfo, Tensors

PNG_HEADER = b"\x89PNG\r\n\x1a\n"
CHANNELS = (1, 3, 4)  # gray, RGB, and RGBA (PNG only)


def twin(signature: Signature, run: Callable[..., dict[str, tf.Tensor]]) -> Signature | None:
    """Returns the same signature on encoded images, or None if it has no images as input or output.

    The input `images` becomes `image_bytes` `[B]`, each a PNG or JPEG of the right size, and the output
    `images` becomes `image_png_bytes` `[B]`. The twin is named `<name>_from_png`, or `<name>_to_png` if
    images are only an output. It is a separate signature because a server batches only requests for all
    outputs of a signature.

    Args:
      signature: the signature on uint8 images.
      run: its compiled function; the twin shares its graph.
    """
    images = signature.inputs.get("images") or signature.outputs.get("images")
    if images is None or images.shape[-1] not in CHANNELS:
        return None
    inputs = _encoded(signature.inputs, "image_bytes", example=_gray(images))
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


def decode(image_bytes: tf.Tensor, image_shape: Sequence[int]) -> tf.Tensor:
    """Decodes PNG or JPEG bytes `[B]` to uint8 images `[B, H, W, C]`.

    Other bytes, a broken image, another size or other channels end in INVALID_ARGUMENT.
    """

    def decode_one(contents):
        # Errors of these operations contain their names.
        is_known = tf.io.is_jpeg(contents) | (tf.strings.substr(contents, 0, 8) == PNG_HEADER)
        size = tf.strings.length(contents)
        message = "image_bytes must hold a PNG or a JPEG, got other bytes, as many as"
        with tf.control_dependencies([tf.debugging.Assert(is_known, [message, size])]):
            image = tf.raw_ops.DecodeImage(contents=contents, expand_animations=False, name="image_bytes")
        return tf.ensure_shape(image, image_shape)

    return tf.map_fn(decode_one, image_bytes, fn_output_signature=tf.TensorSpec(image_shape, tf.uint8))


def _encoded(tensors: Tensors, name: str, **changes) -> Tensors:
    """The declarations with `images` replaced by encoded bytes named `name`."""
    info = dataclasses.replace(STANDARD[name], **changes)
    return {
        name if key == "images" else key: info if key == "images" else other for key, other in tensors.items()
    }


def _gray(images: TensorInfo) -> bytes:
    """A gray PNG with the size of the images, for warm-up requests."""
    return tf.io.encode_png(tf.fill(images.shape, tf.constant(images.example, tf.uint8))).numpy()
