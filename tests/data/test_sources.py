"""Sources: examples by number are those in order, and files that cannot be read are named or skipped."""

import io
import re
import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from latentzoo.data.sources import ImageFiles, Source, as_source


def values(dataset):
    return [np.asarray(example).tolist() for example in dataset.as_numpy_iterator()]


# Sources


@pytest.mark.parametrize("read", [None, lambda x, label: (x, label)])
def test_an_example_by_its_number_is_the_one_in_order(read):
    source = Source((np.arange(10), np.arange(10) % 3), read)
    for number, (x, label) in enumerate(source.dataset()):
        x_there, label_there = source.example(tf.constant(number))
        assert (int(x), int(label)) == (int(x_there), int(label_there)) == (number, number % 3)
    assert len(source) == source.dataset().cardinality() == 10


def test_maps_follow_each_other():
    source = Source(np.arange(3)).map(lambda x: (x + 1, x)).map(lambda x, y: 10 * x + y)
    assert values(source.dataset()) == [10, 21, 32]


@pytest.mark.parametrize("read", [None, lambda x, label: (x, label)])
def test_labels_are_dropped(read):
    source = Source((np.arange(4), np.zeros(4)), read).without_labels()
    assert values(source.dataset()) == [0, 1, 2, 3]
    assert source.without_labels() is source


def test_arrays_in_memory_stay_so_without_their_labels():
    assert Source((np.arange(4), np.zeros(4))).without_labels().read is None


def test_records_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"records must have one length, got \[3, 4\]."):
        Source((np.zeros(3), np.zeros(4)))


def test_what_is_no_source_becomes_one():
    array, labels = np.arange(12).reshape(4, 3), np.arange(4)
    pairs = tf.data.Dataset.from_tensor_slices((array, labels))
    for data in ((array, labels), pairs, Source((array, labels))):
        x, y = as_source(data).records
        np.testing.assert_array_equal(x, array)
        np.testing.assert_array_equal(y, labels)
    np.testing.assert_array_equal(as_source(array).records, array)


def test_a_dataset_too_large_for_memory_stays_a_dataset():
    large = tf.data.Dataset.range(2**20).map(lambda i: tf.zeros([257], tf.float32))
    assert as_source(large) is large


@pytest.mark.parametrize(
    "data, message",
    [
        (np.zeros([0, 2]), "dataset: got no examples, expected at least one."),
        (tf.data.Dataset.range(3).repeat(), "dataset: got an infinite dataset"),
        (
            tf.data.Dataset.range(3).batch(2).map(lambda x: x),
            "dataset: got examples of unknown shape, expected one shape.",
        ),
    ],
)
def test_what_cannot_become_one_is_told(data, message):
    with pytest.raises(ValueError, match=message):
        as_source(data)


# Image files


def write_kinds(folder):
    """A PNG file of every kind, as {name: path}; the 16-bit ones come from TensorFlow's encoder."""
    random = np.random.default_rng(0)

    def pixels(channels, dtype=np.uint8):
        return random.integers(0, np.iinfo(dtype).max, [5, 7, channels], dtype, endpoint=True)

    grey, colour = Image.fromarray(pixels(1)[..., 0]), Image.fromarray(pixels(3))
    images = {
        "grey": (grey, {}),
        "bits": (grey.convert("1"), {}),
        "colour": (colour, {}),
        "palette": (colour.quantize(9), {}),
        "palette of grey": (grey.quantize(9), {"bits": 4}),
        "palette with a transparent colour": (colour.quantize(9), {"transparency": 2}),
    }
    for name, (image, options) in images.items():
        image.save(folder / f"{name}.png", **options)
    for bits, dtype in ((8, np.uint8), (16, np.uint16)):
        for channels in (1, 2, 3, 4):
            encoded = tf.io.encode_png(pixels(channels, dtype)).numpy()
            (folder / f"{channels} channels of {bits} bits.png").write_bytes(encoded)
    return {path.stem: path for path in folder.iterdir()}


def source_of(files, channels=1):
    """The pairs (image, number of its file) of image files."""
    shape = (*next(iter(files.sizes)), channels)
    return Source(np.arange(len(files.paths)), lambda number: files.read(number, shape), files)


def read_one(path, channels):
    image, _ = next(source_of(ImageFiles([str(path)]), channels).dataset().as_numpy_iterator())
    return image


def test_every_kind_of_png_is_read_as_tensorflow_reads_it(tmp_path):
    for name, path in write_kinds(tmp_path).items():
        rgba = tf.io.decode_png(path.read_bytes(), 4).numpy()
        has_alpha = any(word in name for word in ("transparent", "2 channels", "4 channels"))
        if not has_alpha:
            rgba[..., 3] = 255  # TensorFlow fills it with the most that an image's bits, such as 4, can hold
        np.testing.assert_array_equal(read_one(path, 4), rgba, err_msg=name)
        colours, alpha = rgba[..., :3].astype(float), rgba[..., 3:] / 255
        on_white = alpha * colours + (1 - alpha) * 255
        assert np.abs(read_one(path, 3) - on_white).max() <= 0.51, name
        assert (alpha < 1).any() == has_alpha, name
        if not has_alpha:
            np.testing.assert_array_equal(read_one(path, 3), colours, err_msg=name)
        if (colours == colours[..., :1]).all():
            np.testing.assert_array_equal(read_one(path, 1), read_one(path, 3)[..., :1], err_msg=name)


def test_colours_become_grey_by_their_luminance(tmp_path):
    for name, path in write_kinds(tmp_path).items():
        luminance = read_one(path, 3) @ [0.299, 0.587, 0.114]
        assert np.abs(read_one(path, 1)[..., 0] - luminance).max() <= 0.51, name


def write_files(folder, damaged=(), headless=()):
    """Ten grey images of noise whose first pixels are their numbers: the paths."""
    paths = [folder / f"{number}.png" for number in range(10)]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, [8, 9], np.uint8)
        pixels[0, 0] = number
        encoded = io.BytesIO()
        Image.fromarray(pixels).save(encoded, "png")
        whole = encoded.getvalue()
        cut = whole[:-40]  # within its pixels: the header is whole
        path.write_bytes(b"no image" if number in headless else cut if number in damaged else whole)
    return [str(path) for path in paths]


def read_pixels(source):
    """The first pixels of the images, and the numbers of the files that they are said to be of."""
    pairs = [(int(image[0, 0, 0]), int(number)) for image, number in source.dataset()]
    return [list(column) for column in zip(*pairs, strict=True)]


def test_a_header_that_cannot_be_read_names_its_file(tmp_path):
    with pytest.raises(OSError, match=r"^image file '.*3.png' cannot be read: cannot identify .*\.$"):
        ImageFiles(write_files(tmp_path, headless=[3]))


def test_an_image_that_cannot_be_read_names_its_file(tmp_path):
    source = source_of(ImageFiles(write_files(tmp_path, damaged=[3])))
    source.raise_failure()  # there is none as long as nothing was read
    with pytest.raises(tf.errors.OpError, match="image file '.*3.png' cannot be read: "):
        read_pixels(source)
    with pytest.raises(OSError, match=r"^image file '.*3.png' cannot be read: .*truncated.*\.$"):
        source.raise_failure()


@pytest.mark.parametrize("change", ["removed", "resized"])
def test_a_file_that_has_changed_since_the_start_is_named(tmp_path, change):
    paths = write_files(tmp_path)
    source = source_of(ImageFiles(paths))
    (tmp_path / "5.png").unlink()
    if change == "resized":
        Image.new("L", (2, 2)).save(paths[5])
    with pytest.raises(tf.errors.OpError, match="image file '.*5.png' cannot be read: "):
        read_pixels(source)


def test_unreadable_files_are_skipped_warned_of_once_and_counted(tmp_path):
    with pytest.warns(UserWarning, match=r"image file '.*1.png' cannot be read: .*\. It is skipped."):
        files = ImageFiles(write_files(tmp_path, damaged=[3, 4, 9], headless=[1]), skip_unreadable=True)
    source = source_of(files)
    assert len(source) == 9 and source.unreadable == 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first, again = read_pixels(source), read_pixels(source)
    named = [re.search(r"(\d)\.png", str(warning.message))[1] for warning in caught]
    assert sorted(named) == ["3", "4", "9"] and source.unreadable == 4
    # Left are 0, 2, 3, ..., 9: the next whole one takes a damaged one's place, after the last the first.
    pixels, numbers = first
    assert pixels == [0, 2, 5, 5, 5, 6, 7, 8, 0]
    assert numbers == [0, 1, 4, 4, 4, 5, 6, 7, 0]
    assert again == first
    source.raise_failure()


def test_when_no_image_can_be_read_skipping_ends(tmp_path):
    files = ImageFiles(write_files(tmp_path, damaged=range(10)), skip_unreadable=True)
    with pytest.warns(UserWarning), pytest.raises(tf.errors.OpError):
        read_pixels(source_of(files))
    with pytest.raises(ValueError, match="none of the 10 image files can be read."):
        source_of(files).raise_failure()
