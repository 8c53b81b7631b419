"""Twins of the signatures on encoded images, for clients that have files, and for REST."""

import tensorflow as tf

from ..zoo.signatures import Input, Signature

PNG_HEADER = b"\x89PNG\r\n\x1a\n"
COLOURS = (1, 3, 4)  # grey, RGB, and RGBA, which a JPEG cannot have


def twin(signature: Signature, run: tf.types.experimental.GenericFunction) -> Signature | None:
    """The same signature on encoded bytes, or None if it has nothing to do with images.

    `images` coming in become `image_bytes` `[B]`, a PNG or JPEG of the right size each, and `images`
    going out become `image_png_bytes` `[B]`. It is called `<name>_from_png`, or `<name>_to_png` if
    images only go out. A signature of its own, for a server batches requests only if they ask for all
    outputs of a signature.

    Args:
      signature: of the images themselves.
      run: its compiled function.
    """
    image_shape = _image_shape(signature, run)
    if image_shape is None or image_shape[-1] not in COLOURS:
        return None
    takes_images = "images" in signature.inputs
    inputs = dict(
        _encoded(spec) if name == "images" else (name, spec) for name, spec in signature.inputs.items()
    )

    def function(*tensors):
        named = zip(inputs, tensors, strict=True)
        outputs = run(*(decode(x, image_shape) if name == "image_bytes" else x for name, x in named))
        images = outputs.get("images")
        others = {name: output for name, output in outputs.items() if name != "images"}
        return others if images is None else {**others, "image_png_bytes": tf.io.encode_png(images)}

    return Signature(f"{signature.name}_{'from' if takes_images else 'to'}_png", inputs, function)


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


def _image_shape(signature, run):
    if "images" in signature.inputs:
        return signature.inputs["images"].shape
    outputs = run.get_concrete_function().structured_outputs
    return tuple(outputs["images"].shape[1:]) if "images" in outputs else None


def _encoded(spec):
    """The input in place of images, with a grey image of their size to warm up with."""
    grey = tf.io.encode_png(tf.fill(spec.shape, tf.constant(spec.example, tf.uint8)))
    return "image_bytes", Input((), tf.string, example=grey.numpy())
