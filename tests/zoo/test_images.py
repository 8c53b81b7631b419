"""What counts as an image, and how pixels become numbers."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo import images as zoo_images
from latentzoo.zoo.images import bin_centers, check_images, check_vectors, dequantize, warn_if_quantized

GOOD = np.zeros([2, 4, 6, 3], np.uint8)


@pytest.mark.parametrize("images", [GOOD, GOOD.astype(np.float32), tf.constant(GOOD)])
def test_images_pass_as_they_are(images):
    checked = check_images(images, (4, 6, 3))
    assert checked.dtype == images.dtype
    np.testing.assert_array_equal(checked, images)


@pytest.mark.parametrize(
    "images, message",
    [
        (GOOD[0], "photos has shape (4, 6, 3), expected [N, 4, 6, 3]."),
        (GOOD[None], "photos has shape (1, 2, 4, 6, 3), expected [N, 4, 6, 3]."),
        (GOOD[:, :3], "photos has shape (2, 3, 6, 3), expected [N, 4, 6, 3]."),
        (GOOD[..., :1], "photos has shape (2, 4, 6, 1), expected [N, 4, 6, 3]."),
        (GOOD.transpose(0, 3, 1, 2), "photos has shape (2, 3, 4, 6), expected [N, 4, 6, 3]."),
        (GOOD[:0], "photos is empty (N = 0), expected [N, 4, 6, 3] with N >= 1."),
        (
            GOOD.astype(np.float64),
            "photos has dtype float64, expected uint8 in [0, 255] or float32 in [0, 1].",
        ),
        (GOOD.astype(np.int64), "photos has dtype int64, expected uint8 in [0, 255] or float32 in [0, 1]."),
        (GOOD.astype(bool), "photos has dtype bool, expected uint8 in [0, 255] or float32 in [0, 1]."),
        (np.float32(GOOD) + np.nan, "photos holds NaN, expected values in [0, 1]."),
        (
            np.float32(GOOD) + 255,
            "photos holds values from 255 to 255, expected float32 in [0, 1] (or uint8 in [0, 255]).",
        ),
        (
            np.float32(GOOD) - 0.5,
            "photos holds values from -0.5 to -0.5, expected float32 in [0, 1] (or uint8 in [0, 255]).",
        ),
        (
            np.float32(GOOD) + np.inf,
            "photos holds values from inf to inf, expected float32 in [0, 1] (or uint8 in [0, 255]).",
        ),
        ([[1], [2, 3]], "photos is of type list and makes no array, expected numbers of one shape."),
        (None, "photos is of type NoneType and makes no array, expected numbers of one shape."),
    ],
)
def test_other_things_are_refused_in_one_sentence(images, message):
    with pytest.raises(ValueError) as error:
        check_images(images, (4, 6, 3), "photos")
    assert str(error.value) == message


@pytest.mark.parametrize(
    "vectors, message",
    [
        (np.zeros([3], np.float32), "points has shape (3,), expected [N, 3]."),
        (np.zeros([2, 4], np.float32), "points has shape (2, 4), expected [N, 3]."),
        (np.zeros([2, 3]), "points has dtype float64, expected float32."),
        (np.zeros([0, 3], np.float32), "points is empty (N = 0), expected [N, 3] with N >= 1."),
        (np.full([2, 3], np.nan, np.float32), "points holds NaN or infinity, expected finite numbers."),
        (np.full([2, 3], -np.inf, np.float32), "points holds NaN or infinity, expected finite numbers."),
        ("abc", "points has shape (), expected [N, 3]."),
    ],
)
def test_vectors_are_refused_in_one_sentence(vectors, message):
    with pytest.raises(ValueError) as error:
        check_vectors(vectors, 3, "points")
    assert str(error.value) == message


@pytest.mark.parametrize("num_bits", range(1, 9))
def test_bins_tile_the_unit_interval(num_bits):
    pixels = tf.constant(np.arange(256), tf.uint8)
    low, high = (np.asarray(dequantize(pixels, noise, num_bits)) for noise in (0.0, 1.0))
    levels = 2**num_bits
    np.testing.assert_array_equal(low, np.arange(256) // (256 // levels) / levels)
    np.testing.assert_array_equal(high - low, np.full(256, 1 / levels))
    np.testing.assert_array_equal(bin_centers(pixels, num_bits), (low + high) / 2)


def test_float_images_are_taken_as_they_are():
    images = tf.constant([0.0, 0.3, 1.0])
    assert dequantize(images, 0.9, num_bits=3) is images


PIXELS = np.random.default_rng(0).integers(0, 256, [40, 12, 12, 1]).astype(np.uint8)
NOISE = np.random.default_rng(1).uniform(size=PIXELS.shape)


@pytest.fixture
def none_warned(monkeypatch):
    monkeypatch.setattr(zoo_images, "_warned", set())


@pytest.mark.parametrize(
    "images, grid",
    [
        (PIXELS / 255, "k / 255"),
        (PIXELS.astype("f") * np.float32(1 / 255), "k / 255"),
        (PIXELS > 127, "k / 255"),
        (PIXELS / 256, "k / 256"),
        ((PIXELS >> 3) / 32, "k / 256"),
        ((PIXELS + 0.5) / 256, "(k + 1/2) / 256"),
    ],
)
def test_quantised_float_images_are_named_once_for_each_use(none_warned, images, grid):
    images = tf.constant(images, tf.float32)
    with pytest.warns(UserWarning) as warned:
        warn_if_quantized(images, "fit")
        warn_if_quantized(images, "fit")
        warn_if_quantized(images[:1, :2, :2], "evaluate")
    assert [str(warning.message).split(":")[0] for warning in warned] == [
        f"{use} got float images whose values are all {grid}" for use in ("fit", "evaluate")
    ]
    assert "Pass the uint8 images." in str(warned[0].message)


@pytest.mark.parametrize(
    "images",
    [
        PIXELS,
        (PIXELS + NOISE) / 256,
        NOISE,
        np.pad(NOISE[:, 4:8, 4:8], [[0, 0], [4, 4], [4, 4], [0, 0]]),  # in a black frame
        (PIXELS[:, 1:] / 255 + PIXELS[:, :-1] / 255) / 2,  # resized
    ],
)
def test_continuous_and_uint8_images_pass_silently(none_warned, recwarn, images):
    warn_if_quantized(tf.constant(images if images is PIXELS else images.astype("f")), "fit")
    assert not recwarn.list
