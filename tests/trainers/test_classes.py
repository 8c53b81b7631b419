"""Classes of data that have names, and models that have classes or not."""

import json
import warnings

import numpy as np
import pytest

from latentzoo.trainers import train
from latentzoo.trainers.sources import Source
from latentzoo.zoo.gans import GAN

IMAGES = np.random.default_rng(0).integers(0, 256, [16, 8, 8, 1], np.uint8)
SETTINGS = {"steps": 1, "batch_size": 8, "verbose": 0}


def source(names=("boot", "shirt"), labelled=True):
    labels = np.arange(16) % len(names)
    return Source((IMAGES, labels) if labelled else IMAGES, class_names=tuple(names))


def gan(num_classes=0):
    return GAN(image_shape=(8, 8, 1), latent_dim=4, levels=1, width=4, num_classes=num_classes, r1_gamma=0)


def test_a_conditional_model_needs_as_many_classes_as_the_data(tmp_path, pixel_flow):
    names = [f"class {k}" for k in range(7)]
    for model in (gan(2), pixel_flow((8, 8, 1), num_classes=2)):
        with pytest.raises(ValueError) as error:
            train(model, source(names), workdir=tmp_path / "run", **SETTINGS)
        assert str(error.value) == (
            "num_classes: got 2, expected 7, the classes of dataset"
            " (class 0, class 1, class 2, class 3, class 4, ...)."
        )
    with pytest.raises(ValueError, match=r"eval_dataset: got the classes \['bag', 'boot'\], expected those"):
        train(gan(2), source(), eval_dataset=source(["bag", "boot"]), workdir=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()


def metadata(workdir):
    return json.loads((workdir / "preset" / "metadata.json").read_text())


def test_a_conditional_model_keeps_the_names_of_its_classes(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(gan(2), source(), workdir=tmp_path, **SETTINGS)
    assert metadata(tmp_path)["classes"] == ["boot", "shirt"]


def test_a_gan_without_classes_says_once_that_the_data_has_some(tmp_path):
    for labelled in (True, False):  # the second finds its one step done
        with pytest.warns(UserWarning) as told:
            data = source(labelled=labelled)
            train(gan(), data, workdir=tmp_path, metadata={"dataset": "shoes"}, **SETTINGS)
        told = [str(warning.message) for warning in told if "classes" in str(warning.message)]
        assert told == ["shoes has 2 classes; the model is unconditional (num_classes=0)."]
        assert "classes" not in metadata(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(gan(), source(["all"]), workdir=tmp_path, metadata={"dataset": "shoes"}, **SETTINGS)


def test_other_models_without_classes_are_quiet(tmp_path, pixel_flow):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(pixel_flow((8, 8, 1)), source(), workdir=tmp_path, **SETTINGS)
