"""A GAN in training is scored by the Fréchet distance of its averaged samples, and the best one is kept."""

import json

import numpy as np
import pytest
import tensorflow as tf

from latentzoo import metrics, zoo
from latentzoo.trainers import train
from latentzoo.zoo.features import FeatureNetwork
from latentzoo.zoo.features import register as networks
from latentzoo.zoo.gans import GAN

NAME = "frechet_distance (squeezenet1.1)"
IMAGES = np.random.default_rng(0).integers(0, 256, [96, 8, 8, 1], np.uint8)
SETTINGS = {"batch_size": 8, "verbose": 0, "evaluate_every": 2, "checkpoint_every": 2}


class Halves(FeatureNetwork):
    """The mean brightness of each half of an image; the images seen are counted."""

    name, layer, size, num_features, num_classes, checksum = "squeezenet1.1", "means", 4, 2, 2, "1" * 64
    seen = 0

    def features_and_probabilities(self, images):
        self.seen += len(images)
        return super().features_and_probabilities(images)

    def _outputs(self, images):
        features = tf.stack([tf.reduce_mean(half, [1, 2, 3]) for half in tf.split(images, 2, axis=2)], axis=1)
        return features, tf.nn.softmax(features)


@pytest.fixture
def network(tmp_path, monkeypatch):
    """In the place of SqueezeNet."""
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path / "cache"))
    network = Halves()
    monkeypatch.setitem(networks.NETWORKS, "squeezenet1.1", lambda: network)
    networks.feature_network.cache_clear()
    yield network
    networks.feature_network.cache_clear()


@pytest.fixture
def scripted(monkeypatch):
    """Evaluations that give these values in turn, and the arguments that they were asked with."""
    values, asked = [], []

    def evaluate(model, dataset, **options):
        asked.append(options)
        entry = {"name": options["names"][0], "standard_error": 0.0, "num_examples": options["num_examples"]}
        return [{**entry, "value": values.pop(0)}]

    monkeypatch.setattr(metrics, "evaluate", evaluate)
    return values, asked


def gan(**options):
    return GAN(
        **{"image_shape": (8, 8, 1), "latent_dim": 4, "levels": 1, "width": 4, "r1_gamma": 0, **options}
    )


def log(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def best(workdir):
    return json.loads((workdir / "best" / "metadata.json").read_text())["metrics"][0]


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_averaged_generator_is_scored_and_the_best_one_kept(network, tmp_path, replicas):
    model = train(
        gan(), IMAGES, workdir=tmp_path, steps=6, ema=0.9, learning_rate=0.05, eval_dataset=IMAGES[:40],
        replicas=replicas, **SETTINGS,
    )  # fmt: skip
    assert network.seen == 40 + 3 * 40  # the real images once, and each time as many samples

    def score(model):
        return metrics.evaluate(
            model, IMAGES[:40], names=["frechet_distance"], num_examples=40, verbose=False
        )[0]

    values = [line[NAME] for line in log(tmp_path)]
    assert len(set(values)) == 3 and log(tmp_path)[-1]["num_examples"] == 40
    # What is returned has the averages, and so had what was scored last.
    assert score(model)["value"] == pytest.approx(values[-1], rel=1e-4)
    assert score(zoo.load(tmp_path / "best"))["value"] == pytest.approx(min(values), rel=1e-4)
    assert best(tmp_path)["value"] == min(values) and best(tmp_path)["standard_error"] > 0
    tags = {
        value.tag
        for path in (tmp_path / "tensorboard").iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert NAME in tags


def test_a_resumed_training_knows_the_best_score(scripted, tmp_path, eager_test):
    values, asked = scripted

    def go_on(steps, *next_values):
        values[:] = next_values
        many = np.zeros([2500, 8, 8, 1], np.uint8)
        train(gan(), IMAGES, workdir=tmp_path, steps=steps, eval_dataset=many, **SETTINGS)
        return best(tmp_path)["value"]

    assert go_on(4, 3.0, 4.0) == 3.0  # less is better
    assert go_on(6, 3.5) == 3.0
    assert [line["frechet_distance"] for line in log(tmp_path)] == [3.0, 4.0, 3.5]
    assert {options["num_examples"] for options in asked} == {2000}
    assert {options["batch_size"] for options in asked} == {8}  # no larger than in training


def test_the_log_leaves_out_r1_where_no_lazy_step_came(tmp_path, eager_test):
    settings = {**SETTINGS, "evaluate_every": 1, "checkpoint_every": 3}
    for steps in (3, 5):  # what was logged is known after a resume
        train(gan(r1_gamma=1, r1_interval=2), IMAGES, workdir=tmp_path, steps=steps, **settings)
    assert ["r1" in line for line in log(tmp_path)] == [True, False, True, False, True]
    assert all(line["r1"] > 0 for line in log(tmp_path)[::2])
    assert all("generator_loss" in line for line in log(tmp_path))


def test_one_image_makes_no_distance(tmp_path):
    with pytest.raises(ValueError, match="^eval_examples: got 1, expected at least 2.$"):
        train(gan(), IMAGES, workdir=tmp_path, steps=2, eval_dataset=IMAGES[:1], **SETTINGS)
