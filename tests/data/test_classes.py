"""Classes of data that have names, and models that have classes or not."""

import json
import warnings

import numpy as np
import pytest

from latentzoo import zoo
from latentzoo.data.batches import batches
from latentzoo.data.class_numbers import names_of, numbered_as
from latentzoo.data.classes import count_classes
from latentzoo.data.sources import Source, in_order
from latentzoo.trainers import train
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
    message = "eval_dataset has classes that the model does not have: bag; it has boot, shirt."
    with pytest.raises(ValueError, match=message):
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


def named(*names):
    model = gan(len(names))
    model.class_names = names
    return model


def labels_of(data):
    return [int(label) for _, label in in_order(data)]


@pytest.mark.parametrize("as_dataset", [False, True])
def test_the_same_classes_in_another_order_get_the_models_numbers(as_dataset):
    data = source(["boot", "shirt"])
    data = in_order(data) if as_dataset else data
    with pytest.warns(
        UserWarning, match="'shoes' gets the model's labels of its classes: boot is 2, shirt is 0"
    ):
        found = numbered_as(data, named("Shirt", "Bag", "Boot"), "'shoes'")
    assert labels_of(found) == [2, 0] * 8 and names_of(found) == ("Shirt", "Bag", "Boot")
    images = np.stack([image for image, _ in in_order(found)])
    np.testing.assert_array_equal(images, IMAGES)


def test_scores_see_the_models_numbers():
    with pytest.warns(UserWarning, match="dataset gets the model's labels"):
        found = [labels for _, labels in batches(named("shirt", "boot"), in_order(source()), 16)]
    assert found[0].numpy().tolist() == [1, 0] * 8


def test_data_with_the_models_numbers_stay_as_they_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (source(), (IMAGES, np.zeros(16, int)), source(labelled=False)):
            assert numbered_as(data, named("boot", "shirt")) is data
        assert names_of(numbered_as(source(), named("boot", "shirt", "bag"))) == ("boot", "shirt", "bag")
        assert numbered_as(source(["cat"]), gan()).class_names == ("cat",)


def test_other_classes_are_named():
    with pytest.raises(ValueError) as error:
        numbered_as(source(["cat", "shirt", "dog"]), named("boot", "shirt", "bag"))
    assert str(error.value) == (
        "dataset has classes that the model does not have: cat, dog; it has boot, shirt, bag."
        " `latentzoo train --new_classes`, or `zoo.load` with num_classes, gives it a new class head."
    )


def test_names_that_are_numbers_are_those_of_classes_without_names():
    with pytest.warns(UserWarning, match="1 is 1, 3 is 3"):
        found = numbered_as(source(["1", "3"]), gan(4))
    assert labels_of(found) == [1, 3] * 8


def test_fine_tuning_keeps_the_models_numbers_and_names(tmp_path, pixel_flow):
    model = pixel_flow((8, 8, 1), num_classes=2)
    model.class_names = ("shirt", "boot")
    with pytest.warns(UserWarning, match="gets the model's labels"):
        train(model, source(), workdir=tmp_path, eval_dataset=source(), **SETTINGS)
    for preset in ("preset", "best"):
        assert zoo.load(tmp_path / preset).class_names == ("shirt", "boot")


def test_classes_are_counted_by_names_or_labels():
    assert count_classes(source(["a", "b", "c"])) == 3
    assert count_classes((IMAGES, np.arange(16) % 5)) == 5
    with pytest.raises(ValueError, match="dataset: got examples without labels"):
        count_classes(IMAGES)
