"""The folder of a training: what it trains, its checkpoints, its log.

lock             held by the process that trains here, for as long as it lives
train.json       the recipe, and which data it has: a resumed training must agree with it
checkpoints/     the newest ones: raw weights and optimizer state
metrics.jsonl    one line an evaluation
tensorboard/     the same numbers, sample grids and histograms, by training step
grids/<step>.png sample grids, always of the same latents
best/            the averaged weights of the best evaluation, for `zoo.load`
preset/          the finished model, for `zoo.load`
curves.png       what metrics.jsonl holds, drawn at the end
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
def only_training(path: str | os.PathLike) -> Iterator[None]:
    """Inside, no other process trains in the folder, which is made if missing.

    Raises:
      ValueError: another one does.
      OSError: the folder cannot be written.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = locks.lock_file(path / "lock", wait=False)
    except BlockingIOError:
        raise ValueError(
            f"workdir: another process is training in '{path}', expected a folder for each training."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def open_workdir(
    path: str | os.PathLike, recipe: dict[str, Any], examples: int | None = None, write: bool = True
) -> Path:
    """Makes the folder and writes train.json, or checks that the one there is of this training.

    Args:
      recipe: see `recipes`.
      examples: how many the data has.
      write: False leaves the folder as it is, for workers that are not the chief.

    Raises:
      ValueError: the folder holds a training of another model, data or configuration.
      OSError: the folder cannot be made.
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
    """Writes `text` under another name in the same folder, then renames it.

    Raises:
      OSError: it cannot be written; the message names it.
    """
    with naming(path), folders.replacing(path) as scratch:
        scratch.write_text(text)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a file.

    Raises:
      OSError: it cannot be written; the message names it.
    """
    with naming(path), path.open("a") as file:
        file.write(line + "\n")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Inside, the error of a write that fails names the path; that of a full disk alone does not.

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
    """Drops the lines of metrics.jsonl after `last_step`, left by a training that was killed.

    Raises:
      ValueError: a line is damaged. OSError: it cannot be read.
    """
    lines = _lines(path)
    # A line without its newline was cut off in writing.
    kept = [line for line in _whole(lines) if _record(path, line)["step"] <= last_step]
    if kept != lines:
        write_atomically(path, b"".join(kept).decode())


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of metrics.jsonl; none if it is not there.

    Raises:
      ValueError: a line is damaged. OSError: it cannot be read.
    """
    return [_record(path, line) for line in _whole(_lines(path))]


def _lines(path):
    try:
        return regular_files.read(path).splitlines(keepends=True)
    except FileNotFoundError:
        return []


def _whole(lines):
    return [line for line in lines if line.endswith(b"\n")]


def _record(path, line):
    record = json_files.parse(line, path)
    if not isinstance(record, dict) or not isinstance(record.get("step"), int):
        raise ValueError(f"'{path}' is damaged: expected lines with a step, got {line[:80]!r}.")
    return record


def _read_record(path):
    """What train.json holds, if it is as `open_workdir` wrote it."""
    content = json_files.read_object(path)
    model = content.get("model")
    whole = all(isinstance(content.get(name), dict) for name in ("model", "train", "data"))
    if not whole or not isinstance(model.get("config"), dict) or "registered_name" not in model:
        raise ValueError(f"'{path}' is damaged: expected the entries model, train and data.")
    return content


def _check_same(path: Path, theirs: dict, ours: dict) -> None:
    """Compares what both have, and names the first difference."""
    pairs = [("model", theirs["model"]["registered_name"], ours["model"]["registered_name"])]
    for there, here, free in (
        (theirs["model"]["config"], ours["model"]["config"], {"name"}),
        (theirs["train"], ours["train"], {name for name, setting in SETTINGS.items() if setting.may_change}),
        (theirs["data"], ours["data"], {"path"}),
    ):
        pairs += [(name, there[name], here[name]) for name in here if name in there and name not in free]
    if not _is_same_data(theirs, ours):
        names = [record["data"].get("path") or record.get("dataset") for record in (theirs, ours)]
        pairs.append(("dataset", *names))
    for name, there, here in pairs:
        if there != here:
            raise ValueError(
                f"workdir: {path} holds another training, whose {name} is {there!s:.80}, not {here!s:.80};"
                " expected an empty folder or one of the same model, data and settings."
            )


def _real_path(dataset: object) -> str | None:
    """Where a folder or file of data is, however it is spelled; None for other data."""
    path = os.path.expanduser(str(dataset))
    return os.path.realpath(path) if dataset and os.path.exists(path) else None


def _is_same_data(theirs: dict, ours: dict) -> bool:
    """Whether two trainings have the same data: of one path, or of one name where they have been moved."""
    there, here = theirs["data"].get("path"), ours["data"].get("path")
    if there and there == here:
        return True
    return theirs.get("dataset") == ours.get("dataset") and not (there and os.path.exists(there))
