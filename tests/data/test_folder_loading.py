"""Folders of images as data sets: splits, classes, channels, sizes, and damaged files by name."""

import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from latentzoo.data import loading as data
from latentzoo.data.training_batches import training_batches
from latentzoo.zoo import pictures
from latentzoo.zoo.image_files import fit

from .examples import all_of, write


def test_a_folder_is_read_whole_and_in_order_with_its_subfolders(tmp_path, some_images):
    for i, image in enumerate(some_images):
        write(tmp_path / f"part{i // 10}" / f"{i:02}.png", image)
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.warns(UserWarning, match="1 of 21 files are skipped"):
        np.testing.assert_array_equal(all_of(data.load(tmp_path, "all")), some_images)


def test_a_folder_without_splits_is_split_the_same_way_always(tmp_path, some_images):
    for i, image in enumerate(some_images):
        write(tmp_path / f"{i:02}.png", image)
    is_test = np.arange(20) % 10 == 9
    np.testing.assert_array_equal(all_of(data.load(tmp_path, "test")), some_images[is_test])
    np.testing.assert_array_equal(all_of(data.load(tmp_path, "train")), some_images[~is_test])


def test_subfolders_named_after_splits_and_classes_are_so_used(tmp_path, some_images):
    for i, image in enumerate(some_images):
        split, name = ("train", "test")[i // 10], ("shirt", "boot")[i % 2]
        write(tmp_path / split / name / f"{i:02}.png", image)
    images, labels = all_of(data.load(tmp_path, "test", labels=True))
    np.testing.assert_array_equal(labels, [0] * 5 + [1] * 5)  # boot, then shirt
    np.testing.assert_array_equal(images, np.concatenate([some_images[11::2], some_images[10::2]]))
    with pytest.raises(ValueError, match="split must be a subfolder of '.*' or all, got 'dev'."):
        data.load(tmp_path, "dev")


def test_labels_are_of_all_classes_of_the_folder_whatever_the_split_has(tmp_path, some_images):
    for split, name in [("train", "shirt"), ("train", "boot"), ("train", "bag"), ("test", "shirt")]:
        write(tmp_path / split / name / "more" / "0.png", some_images[0])
    test, every = (data.source(tmp_path, split, labels=True) for split in ("test", "all"))
    assert test.class_names == every.class_names == ("bag", "boot", "shirt")
    np.testing.assert_array_equal(all_of(test)[1], [2])
    np.testing.assert_array_equal(all_of(every)[1], [2, 0, 1, 2])
    # Without such subfolders the tenth image, alone in its class, is of the split "test".
    for i in range(9):
        write(tmp_path / "flat" / "a" / f"{i}.png", some_images[0])
    write(tmp_path / "flat" / "b" / "0.png", some_images[0])
    train, test = (data.source(tmp_path / "flat", split, labels=True) for split in ("train", "test"))
    assert train.class_names == test.class_names == ("a", "b")
    np.testing.assert_array_equal(all_of(test)[1], [1])
    assert all_of(test)[1].dtype == np.int64


def test_an_image_in_no_folder_of_a_class_has_no_label(tmp_path, some_images):
    write(tmp_path / "boot" / "0.png", some_images[0])
    assert data.source(tmp_path, "all").class_names == ("boot",)
    write(tmp_path / "1.png", some_images[1])
    assert data.source(tmp_path, "all").class_names == ()
    with pytest.raises(ValueError, match="must have each image in a subfolder that is its class"):
        data.source(tmp_path, "all", labels=True)


def test_alpha_is_kept_for_four_channels_and_laid_on_white_for_fewer(tmp_path):
    half_red = np.broadcast_to(np.uint8([255, 0, 0, 51]), [4, 4, 4])
    write(tmp_path / "a.png", half_red)
    write(tmp_path / "b.png", np.full([4, 4, 3], 7, np.uint8))
    both = all_of(data.source(tmp_path, "all", image_shape=(4, 4, 4)))
    np.testing.assert_array_equal(both[0], half_red)
    assert (both[1] == [7, 7, 7, 255]).all()
    assert (all_of(data.source(tmp_path, "all"))[0] == [255, 204, 204]).all()
    assert (all_of(data.source(tmp_path, "all", image_shape=(2, 2, 1)))[0] == 219).all()  # 255 - .701 * 51


def test_arrays_change_colours_as_files_do(tmp_path):
    for given in (1, 3, 4):
        images = np.random.default_rng(given).integers(0, 256, [2, 8, 9, given], np.uint8)
        for i, image in enumerate(images):
            write(tmp_path / str(given) / f"{i}.png", image)
        for wanted in (1, 3, 4):
            shape = (8, 9, wanted)
            files = all_of(data.source(tmp_path / str(given), "all", image_shape=shape))
            pixels = np.stack([fit(image, shape) for image in images])
            floats = np.stack([fit((image / 255).astype(np.float32), shape) for image in images])
            np.testing.assert_array_equal(files, pixels)
            bound = 0.51 + 0.5 * ((given, wanted) == (4, 1))  # RGBA is rounded before it is grey
            assert np.abs(files - 255 * floats).max() <= bound


def test_a_jpeg_is_read_and_grey_among_colours_becomes_colour(tmp_path):
    Image.new("L", (8, 8), 100).save(tmp_path / "a.JPG")
    write(tmp_path / "b.png", np.full([8, 8, 3], 7, np.uint8))
    images = all_of(data.load(tmp_path, "all"))
    assert images.shape == (2, 8, 8, 3)
    assert (images[0] == 100).all() and (images[1] == 7).all()


def test_mixed_sizes_are_refused_or_cut_and_resized(tmp_path):
    wide = np.full([4, 12, 1], 255, np.uint8)
    wide[:, 4:8] = 10
    write(tmp_path / "a.png", wide)
    write(tmp_path / "b.png", np.full([4, 4, 1], 20, np.uint8))
    with pytest.raises(ValueError, match="must all have one size .* 12x4, '.*b.png' is 4x4."):
        data.load(tmp_path, "all")
    images = all_of(data.load(tmp_path, "all", image_shape=(2, 2, 1)))
    np.testing.assert_array_equal(images, np.stack([np.full([2, 2, 1], v) for v in (10, 20)]))


def test_an_image_is_the_same_pixels_by_every_door(tmp_path, some_images):
    for i, image in enumerate(some_images):
        write(tmp_path / f"{i:02}.png", image)
    np.savez(tmp_path / ".arrays.npz", x_train=some_images)
    os.rename(tmp_path / ".arrays.npz", tmp_path / ".arrays.NPZ")
    for shape in ((2, 3, 3), (3, 2, 1), (8, 8, 4)):
        files = all_of(data.source(tmp_path, "all", image_shape=shape))
        arrays = all_of(data.source(tmp_path / ".arrays.NPZ", image_shape=shape))
        np.testing.assert_array_equal(files, arrays)
        for i, image in enumerate(files):
            np.testing.assert_array_equal(image, pictures.load_image(tmp_path / f"{i:02}.png", shape))


def test_classes_that_differ_only_in_case_are_warned_of(tmp_path, some_images):
    for name in ("train/cat", "test/Cat"):
        write(tmp_path / name / "0.png", some_images[0])
    with pytest.warns(UserWarning, match="'Cat' and 'cat' are two classes"):
        assert data.source(tmp_path, "train", labels=True).class_names == ("Cat", "cat")


def test_sizes_are_told_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (4, 8), 9).save(tmp_path / "a.jpg", exif=exif)
    Image.new("L", (8, 4), 9).save(tmp_path / "b.png")
    source = data.source(tmp_path, "all")
    assert list(source.files.sizes) == [(4, 8)] and all_of(source).shape == (2, 4, 8, 1)


def test_a_home_is_spelled_with_a_tilde(tmp_path, monkeypatch, some_images):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "pics" / "a.png", some_images[0])
    np.savez(tmp_path / "a.npz", x_train=some_images)
    assert len(data.source("~/pics", "all")) == 1 and len(data.source("~/a.npz")) == 20


def test_folders_without_images_and_damaged_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="has no images for split 'train'."):
        data.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="folder of images '.*none' does not exist."):
        data.from_folder(tmp_path / "none")
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(OSError, match="image file '.*a.png' cannot be read"):
        data.load(tmp_path)


def damage(path):
    """Cuts an image file within its pixels."""
    path.write_bytes(path.read_bytes()[:-30])


def test_an_image_damaged_behind_its_header_is_named(tmp_path, some_images):
    for i, image in enumerate(some_images):
        write(tmp_path / f"{i:02}.png", image)
    damage(tmp_path / "07.png")
    message = "image file '.*07.png' cannot be read: "
    with pytest.raises(tf.errors.OpError, match=message):
        all_of(data.load(tmp_path, "all"))
    source = data.source(tmp_path, "all")
    with pytest.raises(tf.errors.OpError, match=message):
        list(training_batches(source, batch_size=20, seed=0).take(1))
    with pytest.raises(OSError, match=message):
        source.raise_failure()


def test_unreadable_images_are_skipped_with_their_labels_in_place(tmp_path, some_images):
    for i, image in enumerate(some_images):
        write(tmp_path / ("boot", "shirt")[i // 10] / f"{i:02}.png", image)
    (tmp_path / "boot" / "03.png").write_text("no image")
    damage(tmp_path / "boot" / "09.png")
    with pytest.warns(UserWarning, match="03.png"):
        source = data.source(tmp_path, "all", labels=True, skip_unreadable=True)
    with pytest.warns(UserWarning, match="09.png"):
        images, labels = all_of(source)
    np.testing.assert_array_equal(images, some_images[[0, 1, 2, *range(4, 9), 10, *range(10, 20)]])
    np.testing.assert_array_equal(labels, [0] * 8 + [1] * 11)  # a shirt in the place of boot 09
    assert source.unreadable == 2


def test_a_class_without_a_readable_image_keeps_its_number(tmp_path, some_images):
    write(tmp_path / "b" / "0.png", some_images[0])
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.png").write_text("no image")
    with pytest.warns(UserWarning):
        source = data.source(tmp_path, "all", labels=True, skip_unreadable=True)
    np.testing.assert_array_equal(all_of(source)[1], [1])


def test_a_folder_of_nothing_readable_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match="has 1 images, none of which can be read."),
    ):
        data.source(tmp_path, "all", skip_unreadable=True)


def test_files_come_in_the_order_of_their_folders(tmp_path, some_images):
    names = ["a/1.png", "a/b/0.png", "a-b/0.png", "a.png", "c/0.png"]
    for name, image in zip(names, some_images, strict=False):
        write(tmp_path / name, image)
    expected = [names.index(str(path.relative_to(tmp_path))) for path in sorted(tmp_path.rglob("*.png"))]
    np.testing.assert_array_equal(all_of(data.load(tmp_path, "all")), some_images[expected])


def test_two_channels_are_refused(tmp_path, some_images):
    write(tmp_path / "a.png", some_images[0])
    with pytest.raises(ValueError, match=r"image_shape must have 1, 3 or 4 channels, got \[4, 6, 2\]."):
        data.load(tmp_path, "all", image_shape=(4, 6, 2))
