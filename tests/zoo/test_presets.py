"""The presets inside the package: whole, documented, and as good as their metadata says."""

import json
from pathlib import Path

import numpy as np
import pytest

from latentzoo import zoo
from latentzoo.zoo import registry

pytestmark = pytest.mark.usefixtures("eagerly")

NAMES = [preset["name"] for preset in zoo.list_presets()]
LARGEST = 12_000_000  # bytes
IMAGES = Path(__file__).parents[1] / "assets" / "fashion_mnist_small.npz"


@pytest.fixture(scope="module", params=NAMES)
def preset(request):
    return zoo.info(request.param)


@pytest.fixture(scope="module")
def model(load_preset, preset):
    return load_preset(preset["name"])


def test_there_are_presets():
    assert "glow-fashion-mnist" in NAMES


def test_the_folder_is_whole_and_small(preset):
    folder = Path(preset["path"])
    registry.check_files(folder)
    names = {name for name in preset["sha256"] if not name.endswith(".png")}
    assert names == {"config.json", "model.weights.h5", "recipe.json"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST


def test_metadata_says_what_a_user_asks(preset):
    assert preset["name"] == Path(preset["path"]).name
    assert set(preset["license"]) == {"weights", "data"}
    split = "train" if preset["dataset"] == "noto_emoji" else "test"  # it has no other
    for metric in preset["metrics"]:
        assert metric["split"] == split and metric["protocol"] and metric["standard_error"] > 0


def test_the_recipe_describes_the_model(preset, model):
    recipe = json.loads((Path(preset["path"]) / "recipe.json").read_text())
    config = model.get_config()
    assert recipe == preset["recipe"] and recipe["dataset"] == preset["dataset"]
    assert {key: config[key] for key in recipe["model"]["config"] if key != "dtype"} == {
        key: value for key, value in recipe["model"]["config"].items() if key != "dtype"
    }


def test_the_model_card_states_the_measured_numbers(preset):
    card = (Path(preset["path"]) / "README.md").read_text()
    for metric in preset["metrics"]:
        assert is_stated(metric["value"], card)
        assert is_stated(metric["standard_error"], card)


def is_stated(value, text):
    """Whether a text has the number, with three or four decimals."""
    return any(f"{value:.{decimals}f}" in text for decimals in (3, 4))


def test_samples_differ_and_are_finite(model):
    if not hasattr(model, "sample"):
        return  # an autoencoder has no prior
    samples = model.sample(8, seed=0, labels=0 if model.num_classes else None).numpy()
    assert np.isfinite(samples).all()
    assert samples.std(axis=0).max() > 0.1


def scored_by_likelihood(data):
    found = [preset for preset in zoo.list_presets() if preset["dataset"] == data]
    return [preset["name"] for preset in found if preset["family"] != "gan"]


@pytest.mark.parametrize("name", scored_by_likelihood("fashion_mnist"))
def test_real_images_score_as_recorded(load_preset, name):
    """On 256 test images the score is within four standard errors of the recorded one."""
    with np.load(IMAGES, allow_pickle=False) as arrays:
        images = arrays["x_test"][..., None]
    scores = load_preset(name).bits_per_dim(images, seed=0).numpy()
    recorded = zoo.info(name)["metrics"][0]["value"]
    assert abs(scores.mean() - recorded) < 4 * scores.std() / np.sqrt(len(scores))


def test_a_preset_is_not_initialised_again(model):
    assert model.initialized


def test_samples_of_a_class_look_like_it(load_preset):
    """On average, and beside all other classes."""
    with np.load(IMAGES, allow_pickle=False) as arrays:
        images, labels = arrays["x_train"] / 255.0, arrays["y_train"]
    means = np.stack([images[labels == label].mean(axis=0) for label in range(10)])
    model = load_preset("stylegan2-fashion-mnist")
    for label in range(10):
        mean = model.sample(32, seed=0, labels=label).numpy().mean(axis=0)[..., 0]
        assert np.argmin(np.square(mean - means).mean(axis=(1, 2))) == label
