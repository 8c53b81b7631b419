"""Presets: a model as a folder of a JSON config, a weights file and metadata. Nothing is unpickled."""

from . import keras_backend  # noqa: F401  # isort: skip
import datetime
import importlib
import json
import os
import shutil
from importlib import metadata as package_metadata
from pathlib import Path

import keras

from . import folders, registry

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"

# Where the classes that a config may name are registered.
FAMILIES = ("flows", "gans", "vaes")


def load(name_or_folder: str | os.PathLike) -> keras.Model:
    """A pretrained model, by the name of a preset or by a folder made by `save_to_preset`.

    The sha256 of every file is checked. The model is in inference condition, and can be fine-tuned at
    once with `compile` and `fit`: data-dependent initialisation is not repeated.

    Args:
      name_or_folder: a name that `list_presets` gives, or a folder.

    Raises:
      ValueError: an unknown name (the nearest are named), a wrong checksum, a damaged file, or a
        preset of a newer format.
      FileNotFoundError: a file of the preset is missing.
    """
    folder = registry.preset_folder(name_or_folder)
    registry.check_files(folder)
    model = _from_config(folder / CONFIG)
    try:
        model.load_weights(folder / WEIGHTS)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            f"'{folder / WEIGHTS}' does not hold the weights of '{folder / CONFIG}': "
            f"{str(error).splitlines()[0]}"
        ) from None
    return model


def save_to_preset(model: keras.Model, folder: str | os.PathLike, metadata: dict | None = None):
    """Writes `model` to `folder` whole or not at all: see `ZooModel.save_to_preset`."""
    folder = Path(folder).resolve()
    _check_replaceable(folder)
    scratch = folders.scratch_beside(folder)
    try:
        _check_space(model, folder)
        _write_json(scratch / CONFIG, _config(model))
        fresh_copy(model).save_weights(scratch / WEIGHTS)
        _write_json(scratch / METADATA, _metadata(model, folder.name, scratch, metadata or {}))
        folders.put_in_place(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_space(model, folder):
    """HDF5 crashes where a file cannot grow, so a full disk is looked for before."""
    needed = 2**20 + sum(weight.size * 4 for weight in model.get_weights())
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise OSError(f"'{folder}' cannot be written: it needs {needed} bytes, and {free} are free.")


def fresh_copy(model: keras.Model) -> keras.Model:
    """A model of the same config and weights, without what came since: optimiser, strategy, traces.

    Keras writes the optimiser's slots beside the weights, two or three times their size.
    """
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def update_metadata(folder: str | os.PathLike, changes: dict) -> None:
    """Changes entries of a preset's metadata.json, and brings its checksums up to date.

    Every file has its sha256 there but metadata.json itself and the model card, which is prose.

    Raises:
      ValueError: the preset is damaged. FileNotFoundError: it is not whole.
    """
    folder = Path(folder)
    metadata = registry.check_files(folder)
    files = sorted(path for path in folder.iterdir() if path.name not in (METADATA, "README.md"))
    metadata = {**metadata, **changes, "sha256": {path.name: registry.sha256(path) for path in files}}
    with folders.replacing(folder / METADATA) as scratch:
        _write_json(scratch, metadata)


def _config(model):
    serialised = keras.saving.serialize_keras_object(model)
    return {"registered_name": serialised["registered_name"], "config": model.get_config()}


def _metadata(model, name, folder, extra):
    return {
        "format": registry.FORMAT,
        "name": name,
        "family": model.family,
        "model": type(model).__name__,
        "parameters": model.count_params(),
        "dataset": None,
        "licence": None,
        "recipe": None,
        "metrics": [],
        "latentzoo_version": package_metadata.version("latentzoo"),
        "date": datetime.date.today().isoformat(),
        **extra,
        "sha256": {file: registry.sha256(folder / file) for file in (CONFIG, WEIGHTS)},
    }


def _write_json(path, content):
    try:
        text = json.dumps(content, indent=2)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be written: {error}.") from None
    path.write_text(text + "\n", encoding="utf-8")


def _check_replaceable(folder):
    for path in (folder, folder.parent):
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"'{path}' is a file, expected a folder.")
    if folder.exists() and not (folder / METADATA).exists() and any(folder.iterdir()):
        raise FileExistsError(f"'{folder}' is neither empty nor a preset, so it is not replaced.")


def _from_config(path):
    for family in FAMILIES:
        importlib.import_module(f".{family}", package=__package__)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, config = str(content["registered_name"]), dict(content["config"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"'{path}' is damaged: expected JSON with registered_name and config ({error})."
        ) from None
    model_class = keras.saving.get_registered_object(name)
    if not (isinstance(model_class, type) and issubclass(model_class, keras.Model)):
        raise ValueError(f"'{path}' names the class {name!r}, expected a model of this zoo.")
    try:
        return model_class.from_config(config)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"'{path}' makes no {name}: {str(error).splitlines()[0]}") from None
