"""Arrays, archives and the two moons as data sets: what comes out is what was put in."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.data import loading as data

from .examples import SMALL, all_of, write


def test_the_real_images_of_the_tests_come_with_their_labels():
    images, labels = all_of(data.load(SMALL, "test", labels=True))
    assert images.shape == (256, 28, 28, 1) and images.dtype == np.uint8
    assert sorted(set(labels)) == list(range(10))
    np.testing.assert_array_equal(images, all_of(data.load(str(SMALL), "test")))


def test_arrays_come_out_as_they_went_in(some_images):
    np.testing.assert_array_equal(all_of(data.from_arrays(some_images)), some_images)
    images, labels = all_of(data.from_arrays(some_images / 255, np.arange(20)))
    np.testing.assert_array_equal(images, (some_images / 255).astype(np.float32))
    np.testing.assert_array_equal(labels, np.arange(20))


@pytest.mark.parametrize(
    "values, message",
    [
        (np.zeros([0, 4, 4, 1], np.uint8), r"dataset must not be empty, got .* \[0, 4, 4, 1\]."),
        (np.zeros([4], np.uint8), r"arrays must be images .* got shape \[4\]."),
        (np.zeros([2, 4, 4, 1], np.int32), "arrays must be uint8 images or floating point, got int32."),
        (np.zeros([2, 4], np.uint8), "arrays must be uint8 images or floating point, got uint8."),
        (np.full([2, 4, 4, 1], 1.5), r"floating-point images must be in \[0, 1\], got 1.5 to 1.5."),
        (np.full([2, 4], np.nan), "arrays must be finite, got NaN or infinity."),
    ],
)
def test_bad_arrays_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(values)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros(3, int), r"labels must be 20 integers, got int64 of shape \[3\]."),
        (np.zeros(20), r"labels must be 20 integers, got float64 of shape \[20\]."),
        (np.full(20, -1), "labels must not be negative, got -1."),
    ],
)
def test_bad_labels_are_named(some_images, labels, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(some_images, labels)


def test_an_npz_file_says_what_it_lacks(tmp_path, some_images):
    path = tmp_path / "images.npz"
    np.savez(path, x_train=some_images)
    with pytest.raises(ValueError, match="must have x_test, got x_train."):
        data.load(path, "test")
    with pytest.raises(ValueError, match="must have y_train, got x_train."):
        data.load(path, "train", labels=True)
    with pytest.raises(FileNotFoundError, match="dataset '.*none.npz' does not exist."):
        data.load(tmp_path / "none.npz")


def test_a_pickle_inside_an_npz_file_is_not_loaded(tmp_path):
    np.savez(tmp_path / "evil.npz", x_train=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        data.load(tmp_path / "evil.npz")


def test_a_file_that_is_no_npz_is_named(tmp_path):
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(ValueError, match="dataset '.*text.npz' is damaged: it is not an .npz file."):
        data.load(tmp_path / "text.npz")


# Two moons


def test_the_moons_are_half_circles_and_the_splits_differ():
    points, moons = data.two_moons("train", noise=0)
    centres = np.array([[0, 0], [1, 0.5]])[moons]
    np.testing.assert_allclose(np.linalg.norm(points - centres, axis=1), 1, atol=1e-6)
    assert (points[moons == 0, 1] >= 0).all() and (points[moons == 1, 1] <= 0.5).all()
    assert abs(moons.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(moons))
    train, test = all_of(data.load("two_moons")), all_of(data.load("two_moons", "test"))
    assert not set(map(tuple, train.tolist())) & set(map(tuple, test.tolist()))
    np.testing.assert_array_equal(train, all_of(data.load("two_moons")))


def test_the_noise_has_its_standard_deviation():
    clean, _ = data.two_moons("test", noise=0)
    noisy, _ = data.two_moons("test", noise=0.1)
    assert (noisy - clean).std() == pytest.approx(0.1, rel=4 / np.sqrt(2 * clean.size))


def test_every_data_set_knows_its_size(tmp_path, some_images):
    write(tmp_path / "a.png", some_images[0])
    for dataset in (data.load(SMALL), data.load(tmp_path, "all"), data.load("two_moons")):
        assert dataset.cardinality() > 0
        assert isinstance(dataset, tf.data.Dataset)


def test_odd_names_in_an_archive_stay_in_one_line(tmp_path):
    np.savez(tmp_path / "odd.npz", **{"x\ntest": np.zeros(1)})
    with pytest.raises(ValueError, match=r"must have x_train, got x\\ntest\.$"):
        data.source(tmp_path / "odd.npz")
