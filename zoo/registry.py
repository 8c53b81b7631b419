"""The presets: their location, their metadata, and the integrity of their files.

A preset is a folder with `config.json` (the model), `model.weights.h5`, `metadata.json` (training data,
metrics, the sha256 of its files), a model card and the training recipe. This module does not import
TensorFlow, so listing presets is fast.
"""

import contextlib
import difflib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import json_files, metadata, regular_files

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"

FORMAT = 1  # the format of preset folders that this version writes, and the newest that it reads
PRESETS = Path(__file__).parent / "presets"
LISTED = ("name", "family", "model", "dataset", "parameters", "metrics", "license", "sha256")


def list_presets() -> list[metadata.Metadata]:
    """Lists the presets in the package, sorted by name.

    Returns:
        One dict per preset, with `name`, `family`, `model`, `dataset`, `parameters` (a number),
        `metrics` (each with `name`, `value`, `standard_error`, `unit`, `protocol`, ...), `license`
        and `sha256`.

    >>> from latentzoo import zoo
    >>> all(preset["parameters"] > 0 for preset in zoo.list_presets())
    True
    """
    presets = [read_metadata(PRESETS / name) for name in _names()]
    return [metadata.Metadata({key: preset.get(key) for key in LISTED}) for preset in presets]


def info(name_or_folder: str | os.PathLike) -> metadata.Metadata:
    """Returns the metadata of a preset: its metadata.json, and its folder as `path`.

    Args:
        name_or_folder: the name of a preset, or a folder made by `save_to_preset`.

    Raises:
        ValueError: no such preset, or a damaged metadata.json.
        FileNotFoundError: a folder without a metadata.json.
    """
    folder = preset_folder(name_or_folder)
    found = read_metadata(folder)
    found |= {"name": found.get("name") or folder.resolve().name, "path": str(folder)}
    return found


def preset_folder(name_or_folder: str | os.PathLike) -> Path:
    """Returns the folder of a preset, given its name or the folder itself.

    A preset's name takes precedence over a folder of that name in the working directory: use `./name` for it.

    Raises:
        ValueError: neither a preset nor a folder; the message suggests the closest names.
    """
    names = _names()
    if str(name_or_folder) in names:
        return PRESETS / str(name_or_folder)
    folder = Path(name_or_folder)
    if str(name_or_folder) and folder.is_dir():
        return folder
    raise ValueError(
        f"preset must be a preset's name or a folder made by save_to_preset, got "
        f"'{name_or_folder}': {suggest(str(name_or_folder), names)}"
    )


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns the end of a message about an unknown name: the closest known names, or all of them."""
    known = sorted(known)
    alike = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(alike)}?" if alike else f"known are {', '.join(known)}."


def read_metadata(folder: str | os.PathLike) -> metadata.Metadata:
    """Reads the metadata.json of a preset's folder.

    Raises:
        FileNotFoundError: there is none. OSError: it cannot be read.
        ValueError: it is damaged, or its format is newer than this version supports.
    """
    path = Path(folder) / METADATA
    try:
        content = json_files.read(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"'{folder}' is no preset: it has no metadata.json.") from None
    try:
        found = metadata.checked(content)
    except ValueError as error:
        raise ValueError(f"'{path}' is damaged: {error}.") from None
    if found["format"] > FORMAT:
        raise ValueError(
            f"'{path}' has format {found['format']}, and this version of latentzoo reads formats up to "
            f"{FORMAT}: install a newer latentzoo."
        )
    return found


def check_files(folder: str | os.PathLike) -> dict[str, Any]:
    """Checks that a preset is complete: each file exists and has the sha256 recorded in metadata.json.

    Returns:
        The metadata.

    Raises:
        FileNotFoundError: a file is missing. OSError: it cannot be read.
        ValueError: a file has another sha256, or metadata.json is damaged.
    """
    return read_preset(folder)[0]


def read_preset(folder: str | os.PathLike) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Reads the metadata and files of a preset. They are consistent even if it is replaced meanwhile.

    Raises:
        See `check_files`.
    """
    folder = Path(folder)
    while True:
        with _held(folder) as before:
            try:
                return _read_preset(folder)
            except (ValueError, OSError):
                if folder.stat().st_ino == before:
                    raise


@contextlib.contextmanager
def _held(folder):
    """Yields the inode number of a folder, which is not reused for another folder within the context."""
    if os.name == "nt":  # folders cannot be opened, nor replaced while in use
        yield folder.stat().st_ino
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _read_preset(folder):
    found = read_metadata(folder)
    checksums = found.get("sha256")
    if not isinstance(checksums, dict) or not {CONFIG, WEIGHTS} <= set(checksums):
        raise ValueError(
            f"'{folder / METADATA}' is damaged: its sha256 must name config.json and model.weights.h5, "
            f"got {str(checksums)[:200]}."
        )
    files = {}
    for name, expected in checksums.items():
        if Path(name).name != name or "\\" in name:
            raise ValueError(f"'{folder / METADATA}' names {json_files.shown(name)}, outside of its folder.")
        path = folder / name
        try:
            files[name] = regular_files.read(path)
        except FileNotFoundError:
            raise FileNotFoundError(f"'{path}' is missing: the preset is not whole.") from None
        digest = hashlib.sha256(files[name]).hexdigest()
        if digest != expected:
            raise ValueError(f"'{path}' is damaged: its sha256 is {digest}, expected {expected:.80}.")
    return found, files


def parse_config(content: bytes, path: Path) -> tuple[str, dict[str, Any]]:
    """Parses the content of a config.json: the registered name of the model's class, and its arguments.

    Args:
        content: content of the file.
        path: path of the file, for the message.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        value = json_files.value(content)
        return str(value["registered_name"]), dict(value["config"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"'{path}' is damaged: expected JSON with registered_name and config ({error})."
        ) from None


def sha256(path: str | os.PathLike) -> str:
    """Returns the sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _names() -> list[str]:
    return sorted(path.parent.name for path in PRESETS.glob("*/metadata.json"))
