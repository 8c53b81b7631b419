"""Pictures: where each pixel of a grid goes, and what comes back from files."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentzoo.zoo import pictures


@given(
    num=st.integers(1, 9),
    columns=st.integers(1, 5),
    zoom=st.integers(1, 3),
    channels=st.sampled_from([1, 3, 4]),
    seed=st.integers(0, 99),
)
def test_each_image_is_found_in_its_cell_and_the_rest_is_white(num, columns, zoom, channels, seed):
    images = np.random.default_rng(seed).integers(0, 256, [num, 3, 4, channels], np.uint8)
    picture = pictures.grid(images, columns, zoom)
    rest = np.ones(picture.shape[:2], bool)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        top, left = 2 + row * (3 * zoom + 2), 2 + column * (4 * zoom + 2)
        cell = np.s_[top : top + 3 * zoom, left : left + 4 * zoom]
        np.testing.assert_array_equal(picture[cell], np.kron(image, np.ones([zoom, zoom, 1])))
        rest[cell] = False
    assert (picture[rest] == 255).all()


def test_a_grid_is_about_square_by_default():
    assert pictures.grid(np.zeros([64, 8, 8, 1], np.uint8)).shape == (82, 82, 1)


def test_the_centre_of_every_bin_and_its_edges_become_its_byte():
    values = np.arange(256)
    for within in (0, 0.5, 0.999):
        floats = ((values + within) / 256).astype(np.float32)
        np.testing.assert_array_equal(pictures.to_uint8(floats), values)
    np.testing.assert_array_equal(pictures.to_uint8(values.astype(np.float32) / 255), values)
    np.testing.assert_array_equal(pictures.to_uint8(np.float32([-1, 1, 2])), [0, 255, 255])


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros([0, 2, 2, 1]), r"images must have shape .* got \[0, 2, 2, 1\]."),
        (np.zeros([2, 2, 2]), r"images must have shape .* got \[2, 2, 2\]."),
        (np.zeros([1, 2, 2, 2]), r"images must have shape .* got \[1, 2, 2, 2\]."),
        (np.full([1, 2, 2, 1], np.nan), "images must be finite, got NaN or infinity."),
    ],
)
def test_what_is_no_images_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        pictures.grid(images)


@pytest.mark.parametrize("arguments", [{"columns": 0}, {"zoom": 0}])
def test_a_grid_needs_columns_and_zoom(arguments):
    with pytest.raises(ValueError, match="columns and zoom must be at least 1, got"):
        pictures.grid(np.zeros([1, 2, 2, 1], np.uint8), **arguments)


def test_points_lie_where_they_should():
    picture = pictures.scatter(np.float32([[0, 0], [4, 0], [0, 2]]), size=201)
    # The span of 4 fills 90% of the width, centred: x from 10 to 190, and y about the middle.
    for row, column in [(145, 10), (145, 190), (55, 10)]:
        assert picture[row, column, 0] == 0
    assert (picture == 0).sum() == 3 * 9


@pytest.mark.parametrize("points", [np.zeros([3, 3]), np.zeros([0, 2]), np.full([3, 2], np.inf)])
def test_what_is_no_points_is_refused(points):
    with pytest.raises(ValueError, match="points must"):
        pictures.scatter(points)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_comes_back_from_its_file(tmp_path, channels):
    picture = np.random.default_rng(0).integers(0, 256, [5, 7, channels], np.uint8)
    pictures.save_png(picture, tmp_path / "a.png")
    np.testing.assert_array_equal(pictures.load_image(tmp_path / "a.png", picture.shape), picture)
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    pictures.save_png(np.zeros([2, 2, 1], np.uint8), path)
    before = path.read_bytes()

    def fail(self, file, format):
        with open(file, "wb") as part:
            part.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        pictures.save_png(np.ones([2, 2, 1], np.uint8), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_wide_image_is_cut_around_its_centre(tmp_path):
    wide = np.full([4, 12, 1], 255, np.uint8)
    wide[:, 4:8] = 10
    pictures.save_png(wide, tmp_path / "a.png")
    assert (pictures.load_image(tmp_path / "a.png", (2, 2, 1)) == 10).all()


def test_colours_and_transparency_become_what_the_shape_says(tmp_path):
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (pictures.load_image(tmp_path / "clear.png", (2, 2, 1)) == 255).all()
    Image.new("RGB", (2, 2), (255, 0, 0)).save(tmp_path / "red.png")
    assert (pictures.load_image(tmp_path / "red.png", (2, 2, 1)) == 76).all()  # 0.299 * 255
    Image.new("L", (2, 2), 9).save(tmp_path / "grey.png")
    assert (pictures.load_image(tmp_path / "grey.png", (2, 2, 3)) == 9).all()


def test_a_file_that_is_no_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="image file '.*none.png' does not exist."):
        pictures.load_image(tmp_path / "none.png", (2, 2, 1))
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(OSError, match="image file '.*text.png' cannot be read: "):
        pictures.load_image(tmp_path / "text.png", (2, 2, 1))
