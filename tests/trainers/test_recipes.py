import json

import pytest

from latentzoo.trainers import recipes, train


@pytest.fixture
def recipe(pixel_flow):
    return {
        "model": {
            "registered_name": "latentzoo_tests>PixelFlow",
            "config": {"image_shape": [4, 4, 1], "seed": 5},
        },
        "dataset": "made up",
        "train": {"steps": 2, "batch_size": 8, "ema": 0, "learning_rate": 0.05},
    }


def test_a_recipe_trains(recipe, images, tmp_path):
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    read = recipes.read(tmp_path / "recipe.json")
    assert read == recipe
    model = recipes.build_model(read)
    assert (model.image_shape, model.seed) == ((4, 4, 1), 5)
    train(model, images, workdir=tmp_path / "run", verbose=0, **read["train"])
    written = json.loads((tmp_path / "run" / "preset" / "metadata.json").read_text())["recipe"]
    assert read["train"].items() <= written["train"].items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "must have exactly the entries"),
        ('{"model": {}, "train": {}}', "must have exactly the entries"),
        ('{"model": {}, "dataset": "x", "train": {"rate": 1}}', r"has the unknown settings \['rate'\]"),
        ('{"model": {}, "dataset": "x", "train": {"metadata": 5}}', r"the unknown settings \['metadata'\]"),
    ],
)
def test_bad_recipes(tmp_path, text, message):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        recipes.read(tmp_path / "recipe.json")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        recipes.read(tmp_path / "recipe.json")


def test_unknown_model(recipe):
    recipe["model"]["registered_name"] = "latentzoo>Gloww"
    with pytest.raises(ValueError, match="^recipe: no model is registered as 'latentzoo>Gloww'.$"):
        recipes.build_model(recipe)
