"""Image files: the same pixels whatever the format says, nothing unsafe decoded."""

import numpy as np
import pytest

from latentzoo.zoo import image_files


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_what_is_transparent_lends_no_colour_when_images_shrink(dtype):
    image = np.zeros([4, 4, 4])
    image[:, 1::2] = [0.2, 0.6, 1.0, 0.8]  # and black between, which is transparent
    image = np.rint(255 * image).astype(np.uint8) if dtype == np.uint8 else image.astype(dtype)
    small = image_files.fit(image, (2, 2, 4))
    assert small.dtype == dtype
    np.testing.assert_allclose(small[..., :3], np.broadcast_to(image[0, 1, :3], [2, 2, 3]), rtol=1e-6)
    alpha = image_files.fit(image[..., 3:], (2, 2, 1))
    np.testing.assert_allclose(small[..., 3:], alpha, rtol=1e-6)


def lanczos(size, wanted):
    """The matrix [wanted, size] that shrinks a row: a windowed sinc of 3 lobes, cut off at the border."""
    scale = size / wanted
    distance = (np.arange(size) + 0.5 - scale * (np.arange(wanted)[:, None] + 0.5)) / scale
    weights = np.sinc(distance) * np.sinc(distance / 3) * (np.abs(distance) < 3)
    return weights / weights.sum(axis=1, keepdims=True)


def test_images_shrink_by_the_lanczos_filter():
    images = np.random.default_rng(0).integers(
        60, 196, [4, 4, 6, 3], np.uint8
    )  # nothing is cut off at 0 or 255
    for image, bound in (
        (images, 1.01),
        ((images / 255).astype(np.float32), 1e-5),
    ):  # bytes are rounded twice
        half = np.stack([image_files.fit(each, (2, 3, 3)) for each in image])
        assert half.dtype == image.dtype
        expected = np.einsum("ip,jq,npqc->nijc", lanczos(4, 2), lanczos(6, 3), image.astype(np.float64))
        assert np.abs(half - expected).max() <= bound
