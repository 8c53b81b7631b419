"""Twins of signatures on encoded images."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from latentzoo.export import png
from latentzoo.zoo import signatures


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_twin_turns_the_images_in_a_file_around(channels, mode):
    shape = (6, 5, channels)
    images = signatures.images(shape)
    turned = signatures.Signature("turn", images, images, lambda images: {"images": images[:, ::-1]})
    twin = png.twin(turned, turned.function)
    assert (list(twin.inputs), list(twin.outputs)) == (["image_bytes"], ["image_png_bytes"])
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(image.squeeze(), mode).save(file, "PNG")
    answer = twin.function(tf.constant([file.getvalue()]))["image_png_bytes"]
    with Image.open(io.BytesIO(answer[0].numpy())) as back:
        assert back.mode == mode
        np.testing.assert_array_equal(np.asarray(back).reshape(shape), image[::-1])
