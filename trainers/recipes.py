"""Recipes: the model, data and settings of a training run, as JSON from which it can be repeated.

A recipe has three entries, in recipe.json, in train.json and under `recipe` in metadata.json:

    {"model": {"registered_name": "latentzoo>Glow", "config": {"levels": 2, ...}},
     "dataset": "fashion_mnist",
     "train": {"steps": 40000, "batch_size": 16, ...}}

`train` has settings of `trainers.train`: see `settings.TrainingSettings`.
"""

import json
import os
from typing import TYPE_CHECKING, Any

from ..zoo import folders, json_files
from ..zoo.json_files import shown
from .settings import TrainingSettings, names, with_new_names

if TYPE_CHECKING:
    import keras

_KEYS = {"model", "dataset", "train"}


def make(model: "keras.Model", dataset: str | None, settings: TrainingSettings) -> dict[str, Any]:
    """The recipe of a training run, as JSON values.

    Args:
      model: the model, before or after training.
      dataset: the name or path of the training data, or None.
      settings: the training settings.
    """
    import keras

    serialized = keras.saving.serialize_keras_object(model)
    of_model = {key: serialized[key] for key in ("registered_name", "config")}
    return json.loads(json.dumps({"model": of_model, "dataset": dataset, "train": settings.recipe()}))


def read(path: str | os.PathLike) -> dict:
    """Reads and checks a recipe.json, without TensorFlow.

    Raises:
      ValueError: it is not a recipe, or has an unknown setting.
      OSError: it cannot be read.
    """
    recipe = json_files.read(path)
    if not isinstance(recipe, dict) or set(recipe) != _KEYS:
        raise ValueError(f"recipe: {path} must have exactly the entries {sorted(_KEYS)}.")
    model, train = recipe["model"], recipe["train"]
    for name, part in (("model", model), ("train", train)):
        if not isinstance(part, dict):
            raise ValueError(f"recipe: the entry {name} of {path} must be an object, got {shown(part)}.")
    if not isinstance(recipe["dataset"], str | None):
        raise ValueError(f"recipe: the dataset of {path} must be a name, got {shown(recipe['dataset'])}.")
    train = with_new_names(train)
    known = names("recipe", "run")
    unknown = sorted(set(train) - set(known))
    if unknown:
        raise ValueError(
            f"recipe: {path} has the unknown settings {shown(unknown)}, expected some of {sorted(known)}."
        )
    return {**recipe, "train": train}


def write(recipe: dict, path: str | os.PathLike) -> None:
    """Writes a recipe.json atomically.

    Raises:
      OSError: it cannot be written.
    """
    with folders.replacing(path) as scratch:
        scratch.write_text(json.dumps(recipe, indent=2) + "\n")


def build_model(recipe: dict) -> "keras.Model":
    """Builds a new model from the recipe's constructor arguments.

    Raises:
      ValueError: no model is registered under the recipe's name.
    """
    import keras

    from ..zoo import flows, gans, vaes  # noqa: F401  (register the models)

    name = recipe["model"]["registered_name"]
    model_class = keras.saving.get_registered_object(name)
    if model_class is None:
        raise ValueError(f"recipe: no model is registered as {shown(name)}.")
    return model_class.from_config(recipe["model"]["config"])
