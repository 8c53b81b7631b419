import numpy as np
import pytest

from latentzoo.zoo.captions import LINE, with_captions


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_names_stand_beside_the_picture_which_is_as_it_was(channels):
    picture = np.random.default_rng(0).integers(0, 256, [60, 90, channels], np.uint8)
    captioned = with_captions(picture, ["up", "down"], ["a", "b", "c"], title="letters")
    np.testing.assert_array_equal(captioned[2 * LINE :, -90:], picture)
    left = captioned.shape[1] - 90
    ink = captioned[..., 0] < 128
    assert ink[:LINE].any()  # the title
    for column in range(3):
        place = left + 30 * column
        assert ink[LINE : 2 * LINE, place : place + 30].any(), column
    for row in range(2):
        assert ink[2 * LINE + 30 * row : 2 * LINE + 30 * (row + 1), :left].any(), row
    if channels == 4:
        assert (captioned[: 2 * LINE, :, 3] == 255).all()


def test_a_long_name_stays_in_its_column():
    captioned = with_captions(np.zeros([10, 80, 1], np.uint8), column_names=["a name without end" * 9, ""])
    assert (captioned[:LINE, :40] < 128).any() and (captioned[:LINE, 40:] > 128).all()
    assert captioned.shape == (10 + LINE, 80, 1)


def test_without_names_nothing_is_added():
    picture = np.zeros([10, 20, 3], np.uint8)
    np.testing.assert_array_equal(with_captions(picture), picture)
