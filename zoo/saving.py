"""Presets: a model as a folder of a JSON config, a weights file and metadata. Nothing is unpickled."""

from . import keras_backend  # noqa: F401  # isort: skip
import datetime
import json
import os
from collections.abc import Callable, Sequence
from importlib import metadata as package_metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from . import configs, folders, registry, weights_file
from . import metadata as preset_metadata
from .class_head import with_new_classes
from .locks import locked
from .registry import CONFIG, METADATA, WEIGHTS


def load(name_or_folder: str | os.PathLike, *, num_classes: int | None = None) -> keras.Model:
    """Loads a pretrained model from a preset's name or from a folder made by `save_to_preset`.

    Verifies the sha256 of every file, that the weights in the file match those of the model one to one (path,
    shape and dtype), and that all weights are finite. The model is ready for inference, and can be fine-tuned
    directly with `compile` and `fit`: data-dependent initialization is not repeated.

    Args:
      name_or_folder: a name returned by `list_presets`, or a folder.
      num_classes: if given, replaces the class head by a new one for this number of other classes: see
        `class_head.with_new_classes`. None keeps the classes that the model was trained on.

    Raises:
      ValueError: an unknown name (the message suggests the closest ones), a wrong checksum, a damaged file,
        a config that does not match the weights, or a preset of a newer format.
      FileNotFoundError: a file of the preset is missing. OSError: it cannot be read.
    """
    folder = registry.preset_folder(name_or_folder)
    metadata, files = registry.read_preset(folder)
    mismatch = f"'{folder / WEIGHTS}' does not hold the weights of '{folder / CONFIG}': "
    try:
        found = weights_file.read(files[WEIGHTS])
    except ValueError as error:
        raise ValueError(f"{mismatch}{error}") from None
    name, config = registry.parse_config(files[CONFIG], folder / CONFIG)
    try:
        model = configs.build(name, config, [array.shape for array in found.values()])
    except ValueError as error:
        raise ValueError(f"'{folder / CONFIG}' {error}") from error.__cause__
    try:
        weights_file.load(model, files[WEIGHTS], found)
    except ValueError as error:
        raise ValueError(f"{mismatch}{error}") from None
    if num_classes is not None:
        return with_new_classes(model, num_classes)
    try:
        model.class_names = (metadata.get("classes") or ()) if model.num_classes else ()
    except ValueError as error:
        raise ValueError(f"'{folder / METADATA}' is damaged: {error}") from None
    return model


def save_to_preset(model: keras.Model, folder: str | os.PathLike, metadata: dict | None = None) -> None:
    """Writes `model` to `folder` atomically: see `ZooModel.save_to_preset`."""
    folder = Path(folder).resolve()
    if model.num_classes and metadata and "classes" in metadata:
        model.class_names = metadata["classes"]
    _check_replaceable(folder)
    _check_finite(model)
    scratch = folders.scratch_beside(folder)
    try:
        (scratch / CONFIG).write_bytes(_json(CONFIG, configs.of(model)))
        fresh_copy(model).save_weights(scratch / WEIGHTS)
        content = _metadata(model, folder.name, scratch, metadata or {})
        (scratch / METADATA).write_bytes(_metadata_json(content))
        with locked(folder.parent):  # excludes concurrent changes of metadata.json: see `update_metadata`
            folders.put_in_place(scratch, folder)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(folder)) from None
    finally:
        folders.discard(scratch)


def fresh_copy(model: keras.Model) -> keras.Model:
    """Returns a model with the same config and weights, but without optimizer, strategy and traces.

    Keras would save the optimizer's slots with the weights, which are two or three times their size.
    """
    copy = type(model).from_config(model.get_config())
    copy.class_names = model.class_names
    copy.set_weights(model.get_weights())
    return copy


def update_metadata(
    folder: str | os.PathLike,
    changes: dict | Callable[[dict[str, Any]], dict],
    files: Sequence[str] = (),
) -> None:
    """Changes entries of a preset's metadata.json. Concurrent changes by several processes are all kept.

    Args:
      folder: folder of the preset.
      changes: the entries, or a function that returns them, given the current metadata.
      files: names of files in the folder to add to the preset, with a checksum.

    Raises:
      ValueError: the preset is damaged. FileNotFoundError: it is incomplete. OSError: it cannot be written.
    """
    folder = Path(folder).resolve()
    with locked(folder.parent):
        metadata = registry.check_files(folder)
        entries = preset_metadata.with_new_names(changes(metadata) if callable(changes) else changes)
        sums = {**metadata["sha256"], **{name: registry.sha256(folder / name) for name in files}}
        folders.write(folder / METADATA, _metadata_json({**metadata, **entries, "sha256": sums}))


def _metadata(model, name, folder, extra):
    return {
        "format": registry.FORMAT,
        "name": name,
        "family": model.family,
        "model": type(model).__name__,
        "parameters": model.count_params(),
        "dataset": None,
        "license": None,
        "recipe": None,
        "metrics": [],
        **({"classes": list(model.class_names)} if model.class_names else {}),
        "latentzoo_version": package_metadata.version("latentzoo"),
        "date": datetime.date.today().isoformat(),
        **preset_metadata.with_new_names(extra),
        "sha256": {file: registry.sha256(folder / file) for file in (CONFIG, WEIGHTS)},
    }


def _metadata_json(metadata):
    text = _json(METADATA, metadata)
    try:
        preset_metadata.checked(metadata)
    except ValueError as error:
        raise ValueError(f"{METADATA} cannot be written: {error}.") from None
    return text


def _json(name, content):
    try:
        return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be written: {error}.") from None


def _check_finite(model):
    for variable in model.weights:
        value = keras.ops.convert_to_numpy(variable)
        if not np.isfinite(value).all():
            raise ValueError(
                f"the weight '{variable.path}' of {model.name} holds numbers that are not finite, "
                "expected none in a preset: nothing is written."
            )


def _check_replaceable(folder):
    for path in (folder, folder.parent):
        if path.exists() and not path.is_dir():
            raise FileExistsError(f"'{path}' is a file, expected a folder.")
    if folder.exists() and not (folder / METADATA).exists() and any(folder.iterdir()):
        raise FileExistsError(f"'{folder}' is neither empty nor a preset, so it is not replaced.")
