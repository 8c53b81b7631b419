"""The workdir of a training run.

lock             held by the training process while it runs
train.json       the recipe and the data; a resumed run must match them
checkpoints/     the newest checkpoints: raw weights and optimizer state
metrics.jsonl    one line per evaluation
tensorboard/     the same numbers, sample grids and histograms, by training step
grids/<step>.png sample grids, always of the same latents
best/            the averaged weights of the best evaluation, for `zoo.load`
preset/          the finished model, for `zoo.load`
curves.png       plots of metrics.jsonl, written at the end
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from ..zoo import folders, json_files, locks, regular_files
from .settings import SETTINGS


@contextlib.contextmanager
def lock_workdir(path: str | os.PathLike) -> Iterator[None]:
    """Holds the lock of the folder inside the context; creates the folder if it is missing.

    Raises:
      ValueError: another process holds the lock.
      OSError: the folder cannot be written.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = locks.lock_file(path / "lock", wait=False)
    except BlockingIOError:
        raise ValueError(
            f"workdir: another process is training in '{path}', expected one folder per training run."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def open_workdir(
    path: str | os.PathLike, recipe: dict[str, Any], examples: int | None = None, write: bool = True
) -> Path:
    """Creates the folder and writes train.json, or checks that the existing one matches.

    Args:
      recipe: see `recipes`.
      examples: the size of the training data.
      write: False changes nothing, for workers other than the chief.

    Raises:
      ValueError: the folder belongs to a run with another model, other data or other settings.
      OSError: the folder cannot be created.
    """
    path = Path(path)
    ours = {**recipe, "data": {"examples": examples, "path": _real_path(recipe["dataset"])}}
    record = path / "train.json"
    if record.exists():
        _check_same(path, _read_record(record), ours)
    if write:
        path.mkdir(parents=True, exist_ok=True)
        write_atomically(record, json.dumps(ours, indent=2) + "\n")
    return path


def write_atomically(path: Path, text: str) -> None:
    """Writes `text` to a temporary file in the same folder, then renames it.

    Raises:
      OSError: it cannot be written; the message has the path.
    """
    with naming(path), folders.replacing(path) as scratch:
        scratch.write_text(text)


def append_line(path: Path, line: str) -> None:
    """Appends a line to a file.

    Raises:
      OSError: it cannot be written; the message has the path.
    """
    with naming(path), path.open("a") as file:
        file.write(line + "\n")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Adds the path to write errors raised inside the context; a full disk, for one, does not name it.

    Raises:
      OSError: the write failed.
    """
    try:
        yield
    except OSError as error:
        raise OSError(f"workdir: '{path}' cannot be written ({error.strerror or error}).") from None
    except tf.errors.OpError as error:
        raise OSError(f"workdir: '{path}' cannot be written ({error.message.splitlines()[0]}).") from None


def cut_log(path: Path, last_step: int) -> None:
    """Removes the lines of metrics.jsonl after `last_step`, left by an interrupted run.

    Raises:
      ValueError: a line is damaged. OSError: it cannot be read.
    """
    lines = _lines(path)
    # A line without a newline is incomplete.
    kept = [line for line in _complete(lines) if _record(path, line)["step"] <= last_step]
    if kept != lines:
        write_atomically(path, b"".join(kept).decode())


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of metrics.jsonl; an empty list if the file does not exist.

    Raises:
      ValueError: a line is damaged. OSError: it cannot be read.
    """
    return [_record(path, line) for line in _complete(_lines(path))]


def _lines(path):
    try:
        return regular_files.read(path).splitlines(keepends=True)
    except FileNotFoundError:
        return []


def _complete(lines):
    return [line for line in lines if line.endswith(b"\n")]


def _record(path, line):
    record = json_files.parse(line, path)
    if not isinstance(record, dict) or not isinstance(record.get("step"), int):
        raise ValueError(f"'{path}' is damaged: expected lines with a step, got {line[:80]!r}.")
    return record


def _read_record(path: Path) -> dict[str, Any]:
    """The content of train.json, checked against what `open_workdir` writes."""
    content = json_files.read_object(path)
    complete = all(isinstance(content.get(name), dict) for name in ("model", "train", "data"))
    model = content["model"] if complete else {}
    if not isinstance(model.get("config"), dict) or "registered_name" not in model:
        raise ValueError(f"'{path}' is damaged: expected the entries model, train and data.")
    return content


def _check_same(path: Path, theirs: dict, ours: dict) -> None:
    """Compares the entries that both have; raises ValueError with the first difference."""
    pairs = [("model", theirs["model"]["registered_name"], ours["model"]["registered_name"])]
    for there, here, free in (
        (theirs["model"]["config"], ours["model"]["config"], {"name"}),
        (theirs["train"], ours["train"], {name for name, setting in SETTINGS.items() if setting.may_change}),
        (theirs["data"], ours["data"], {"path"}),
    ):
        pairs += [(name, there[name], here[name]) for name in here if name in there and name not in free]
    if not _is_same_data(theirs, ours):
        there, here = (record["data"].get("path") or record.get("dataset") for record in (theirs, ours))
        pairs.append(("dataset", there, here))
    for name, there, here in pairs:
        if there != here:
            raise ValueError(
                f"workdir: {path} holds another training, whose {name} is {there!s:.80}, not {here!s:.80};"
                " expected an empty folder or one of the same model, data and settings."
            )


def _real_path(dataset: object) -> str | None:
    """The resolved path of a data folder or file; None for other data."""
    path = os.path.expanduser(str(dataset))
    return os.path.realpath(path) if dataset and os.path.exists(path) else None


def _is_same_data(theirs: dict, ours: dict) -> bool:
    """Whether both runs have the same data: the same path, or the same name if the data was moved."""
    there, here = theirs["data"].get("path"), ours["data"].get("path")
    if there and there == here:
        return True
    return theirs.get("dataset") == ours.get("dataset") and not (there and os.path.exists(there))
