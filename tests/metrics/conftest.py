"""A cache of features for each test, and tiny models that sample."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo import seeds
from latentzoo.zoo.conditions import Unconditional
from latentzoo.zoo.features import FeatureNetwork
from latentzoo.zoo.features import register as networks
from latentzoo.zoo.images import check_vectors


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of cached features."""
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


class Halves(FeatureNetwork):
    """The mean brightness of the left and the right half: two features, and the images seen are counted."""

    name, layer, size, num_features, num_classes, checksum = "halves", "means", 4, 2, 2, "1" * 64

    def __init__(self):
        super().__init__()
        self.seen = 0

    def features_and_probabilities(self, images):
        self.seen += len(images)
        return super().features_and_probabilities(images)

    def _outputs(self, images):
        left, right = (tf.reduce_mean(half, axis=[1, 2, 3]) for half in tf.split(images, 2, axis=2))
        features = tf.stack([left, right], axis=1) / 255.0
        return features, tf.nn.softmax(20 * features)


@pytest.fixture
def halves(monkeypatch):
    """The feature network "halves", as if it were shipped."""
    network = Halves()
    monkeypatch.setitem(networks.NETWORKS, "halves", lambda: network)
    networks.feature_network.cache_clear()
    yield network
    networks.feature_network.cache_clear()


@tf.function(reduce_retracing=True, autograph=False)
def normal(rows):
    return seeds.normal(rows, (2,))


@tf.function(reduce_retracing=True, autograph=False)
def pixel_noise(rows):
    return 0.1 * seeds.uniform(rows, (4, 4, 1))


class Painter(keras.Model):
    """Paints z [N, 2] on 4x4 images, a number on each half."""

    num_classes, condition, event_shape, latent_dim = 0, Unconditional(), (4, 4, 1), 2
    scores, sampling_options, likelihood_kind = (), ("truncation",), None
    prior, has_styles, has_images, pixel_rounding = "normal", False, True, "nearest"

    def decode(self, latents, labels=None):
        z = check_vectors(latents, 2)
        halves = tf.repeat(0.5 + 0.1 * z, 2, axis=1)
        return tf.tile(halves[:, None, :, None], [1, 4, 1, 1])

    def sample(self, n, seed=0, labels=None, truncation=1.0):
        return tf.clip_by_value(self.decode(truncation * normal(seeds.row_seeds(seed, n))), 0, 1)


class StylePainter(Painter):
    """w is two styles of z^3; the images have noise."""

    has_styles = True

    def mapping(self, latents, labels=None, truncation=1.0):
        return truncation * tf.repeat((tf.convert_to_tensor(latents) ** 3)[:, None], 2, axis=1)

    def synthesis(self, w, noise="random", seed=0):
        images = self.decode(tf.convert_to_tensor(w)[:, 0])
        return images + pixel_noise(seeds.row_seeds(seed, len(w)))


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
def style_painter():
    return StylePainter()


@pytest.fixture
def paintings():
    """Real images of the painter's kind, uint8 [300, 4, 4, 1], and which half is brighter."""
    z = np.random.default_rng(5).standard_normal([300, 2]).astype(np.float32)
    images = np.rint(255 * np.clip(Painter().decode(z), 0, 1)).astype(np.uint8)
    return images, (z[:, 1] > z[:, 0]).astype(np.int64)
