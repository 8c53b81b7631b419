"""Sets of TensorFlow Datasets, and names and paths that are none."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from latentzoo.data import loading as data

from .examples import SMALL, all_of


class Squares(tfds.core.GeneratorBasedBuilder):
    """A set of TensorFlow Datasets made on the spot: grey squares with labels."""

    VERSION = tfds.core.Version("1.0.0")
    name = "latentzoo_squares"

    def _info(self):
        image = tfds.features.Image(shape=(6, 6, 1))
        features = {"image": image, "label": tfds.features.ClassLabel(num_classes=40)}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 30), "test": self._generate_examples(30, 40)}

    def _generate_examples(self, start, stop):
        for i in range(start, stop):
            yield i, {"image": np.full([6, 6, 1], i, np.uint8), "label": i}


@pytest.fixture
def squares(tmp_path, monkeypatch):
    """The name of that set, prepared in a folder of the test."""
    builder = Squares(data_dir=tmp_path)
    monkeypatch.setattr(tfds, "builder", lambda name: {"squares": builder}[name])
    return "squares"


def test_a_set_of_tfds_comes_in_one_order_with_its_labels(squares):
    images, labels = all_of(data.load(squares, "train", labels=True))
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    assert sorted(labels) == list(range(30))
    np.testing.assert_array_equal(all_of(data.load(squares, "train")), images)
    assert all_of(data.load(squares, "train[:3]", image_shape=(2, 2, 3))).shape == (3, 2, 2, 3)


def test_a_set_of_tfds_knows_its_classes(squares):
    for labels in (True, False):
        assert data.source(squares, "test", labels=labels).class_names == tuple(map(str, range(40)))


def test_a_set_of_tfds_is_decoded_as_it_is_read_in_any_order(squares, monkeypatch):
    source = data.source(squares, "train", labels=True)
    encoded, _ = source.records
    assert encoded.dtype == tf.string and len(source) == 30
    monkeypatch.setattr(data, "_MEMORY", 0)  # now it is too large for memory
    streamed = data.source(squares, "train", labels=True)
    assert isinstance(streamed, tf.data.Dataset) and streamed.element_spec == source.element_spec
    for ours, theirs in zip(all_of(source), all_of(streamed), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    number, images = tf.constant(7), all_of(streamed)[0]
    np.testing.assert_array_equal(source.example(number)[0], images[7])


def test_an_unknown_split_of_tfds_names_the_known_ones(squares):
    for split in ("validation", "train[:x]"):
        with pytest.raises(data.MissingSplit, match=r"split must be of train, test, or a part of one"):
            data.load(squares, split)


def test_an_empty_split_of_tfds_is_refused(squares):
    with pytest.raises(ValueError, match="dataset 'squares' must not be empty"):
        data.load(squares, "train[:0]")


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(ValueError, match="got 'fashion_mnits': did you mean fashion_mnist"):
        data.load("fashion_mnits")


@pytest.mark.parametrize(
    "name, kind, message",
    [
        ("/no/such/folder", FileNotFoundError, "dataset '/no/such/folder' does not exist"),
        ("./pictures", FileNotFoundError, "dataset './pictures' does not exist"),
        ("pictures.npz", FileNotFoundError, "dataset 'pictures.npz' does not exist"),
        ("pictures.NPZ", FileNotFoundError, "dataset 'pictures.NPZ' does not exist"),
        ("my pictures", ValueError, "got 'my pictures': there is no folder"),
        ("qqqqqq", ValueError, "got 'qqqqqq': there is no folder and no dataset of that name."),
        ("data/pictures", FileNotFoundError, "dataset 'data/pictures' does not exist"),
        ("mnist/none", (ValueError, FileNotFoundError), "mnist/none'"),
        ("a.npy", ValueError, "got 'a.npy': put the array into an .npz file"),
        ("a.zip", ValueError, "got 'a.zip': unzip it and give the folder."),
        ("a.csv", ValueError, "got 'a.csv': it is neither."),
    ],
)
def test_a_mistyped_path_is_called_that_in_one_sentence(tmp_path, monkeypatch, name, kind, message):
    monkeypatch.chdir(tmp_path)
    for present in ("a.npy", "a.zip", "a.csv"):
        Path(present).touch()
    with pytest.raises(kind, match=message) as caught:
        data.source(name)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "name", ["huggingface:squad", "huggingface:a/b", "kubric:kubric", "mnist/data_dir=x", "mnist:3.0.1/k=v"]
)
def test_sets_that_run_the_code_of_strangers_are_refused(name, monkeypatch):
    monkeypatch.setattr(tfds, "builder", None)  # it is not reached
    with pytest.raises((ValueError, FileNotFoundError), match="^dataset .*'(huggingface|kubric|mnist)"):
        data.source(name)


@pytest.mark.parametrize("name", ["squares", "two_moons", SMALL])
def test_what_is_no_shape_of_images_is_refused(name, squares):
    with pytest.raises(ValueError, match=r"image_shape must .*, got \[8, 8\]."):
        data.source(name, image_shape=(8, 8))


def test_vectors_have_no_image_shape(tmp_path):
    np.savez(tmp_path / "points.npz", x_train=np.zeros([3, 2]))
    for name in ("two_moons", tmp_path / "points.npz"):
        with pytest.raises(ValueError, match="image_shape must not be given for "):
            data.source(name, image_shape=(8, 8, 1))


def test_a_set_without_images_is_refused():
    with pytest.raises(ValueError, match="dataset must have images, got 'imdb_reviews' with "):
        data.load("imdb_reviews")


def test_a_failed_download_is_told(squares, monkeypatch):
    def fail():
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(tfds.builder(squares), "download_and_prepare", fail)
    with pytest.raises(OSError, match="dataset 'squares' cannot be prepared: no network"):
        data.load(squares)
