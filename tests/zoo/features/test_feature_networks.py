"""Other feature networks, and the perceptual distance."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.features import FeatureNetwork, InceptionV3, feature_network, perceptual_distance
from latentzoo.zoo.features.perceptual import LAYERS


class Means(FeatureNetwork):
    """The mean colours."""

    name, layer, size, num_features, checksum = "means", "colours", 4, 3, "0" * 64

    def _outputs(self, images):
        means = tf.reduce_mean(images, axis=[1, 2])
        return means, tf.nn.softmax(means)


def test_a_network_of_ones_own():
    network = Means()
    images = np.zeros([2, 8, 8, 3], np.uint8)
    images[1, ..., 0] = 100
    np.testing.assert_allclose(network.features(images), [[0, 0, 0], [100, 0, 0]])
    np.testing.assert_allclose(network.probabilities(images)[0], [1 / 3] * 3)
    assert network.protocol == "means (sha256 000000000000), colours, bilinear to 4x4"


def test_shrinking_averages_all_pixels():
    stripes = np.zeros([1, 64, 64, 1], np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_allclose(Means().features(stripes), [[100.0] * 3], atol=2)


def test_inception_without_its_weights(eager_test):
    network = InceptionV3(weights=None)
    features, probabilities = network.features_and_probabilities(np.zeros([1, 16, 16, 1], np.uint8))
    assert features.shape == (1, 2048) and probabilities.shape == (1, 1000)
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)


def test_inception_is_fed_from_minus_1_to_1_and_known_by_its_weights(monkeypatch):
    def stand_in(weights):
        inputs = keras.Input([299, 299, 3])
        means = keras.layers.GlobalAveragePooling2D(name="avg_pool")(inputs)
        return keras.Model(inputs, keras.layers.Dense(5, "softmax")(means))

    monkeypatch.setattr("keras.applications.InceptionV3", stand_in)
    first, second = InceptionV3(), InceptionV3()
    images = np.array([0, 255], np.uint8).reshape([2, 1, 1, 1])
    np.testing.assert_allclose(first.features(images), [[-1] * 3, [1] * 3], atol=1e-6)
    assert first.checksum != second.checksum
    second._network.set_weights(first._network.get_weights())
    np.testing.assert_array_equal(first.probabilities(images), second.probabilities(images))
    assert first.protocol == (
        f"inception_v3 (sha256 {first.checksum[:12]}), last average pooling, bilinear to 299x299"
    )


def test_inception_that_cannot_be_downloaded_is_told(monkeypatch):
    def fail(weights):
        raise Exception("URL fetch failure\non somewhere")

    monkeypatch.setattr("keras.applications.InceptionV3", fail)
    with pytest.raises(OSError) as error:
        InceptionV3()
    assert str(error.value) == (
        "the weights of inception_v3 cannot be downloaded: URL fetch failure on somewhere"
    )


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 1, [2, 3, 64, 64, 3]).astype(np.float32)


def test_the_perceptual_distance_by_its_equation(pair):
    maps = [feature_network().maps(images * 255, LAYERS) for images in pair]
    expected = np.zeros(3)
    for a, b in zip(*maps, strict=True):
        a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a.numpy(), b.numpy()))
        expected += ((a - b) ** 2).sum(axis=-1).mean(axis=(1, 2))
    np.testing.assert_allclose(perceptual_distance(*pair), expected, rtol=1e-4)
    np.testing.assert_allclose(perceptual_distance(pair[1], pair[0]), expected, rtol=1e-4)


def test_it_grows_with_the_change_and_has_gradients(pair):
    image = tf.constant(pair[0])
    blends = [image + t * (pair[1] - pair[0]) for t in (0.0, 0.1, 0.5, 1.0)]
    distances = [float(tf.reduce_mean(perceptual_distance(image, blend))) for blend in blends]
    assert distances[0] < 1e-6 and distances == sorted(distances)
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = tf.reduce_sum(perceptual_distance(image, blends[2]))
    gradient = tape.gradient(loss, image).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_black_images_have_finite_gradients():
    black = tf.zeros([1, 32, 32, 1])
    with tf.GradientTape() as tape:
        tape.watch(black)
        loss = tf.reduce_sum(perceptual_distance(black, black))
    assert np.isfinite(tape.gradient(loss, black)).all()
