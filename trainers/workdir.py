"""The folder of a training: what it trains, its checkpoints, its log.

train.json       the model and the settings; a resumed training must agree with it
checkpoints/     the newest ones: raw weights and optimiser state
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
from pathlib import Path

import keras

from ..zoo import folders

# Settings that a resumed training may change: how long, and how often it tells. The length of the warm-up
# follows from the steps if it is not given.
_FREE = {"steps", "warmup_steps", "checkpoint_every", "evaluate_every", "on_nan"}


def open_workdir(path: str | os.PathLike, model, settings: dict, write: bool = True) -> Path:
    """Makes the folder and writes train.json, or checks that the one there is of this training.

    Args:
      write: False leaves the folder as it is, for workers that are not the chief.

    Raises:
      ValueError: the folder holds a training of another model, data or configuration.
      OSError: the folder cannot be made.
    """
    path = Path(path)
    serialised = keras.saving.serialize_keras_object(model)
    ours = {
        "model": {key: serialised[key] for key in ("registered_name", "config")},
        "train": {**settings, "dataset_path": _real_path(settings.get("dataset"))},
    }
    ours = json.loads(json.dumps(ours))
    record = path / "train.json"
    if record.exists():
        _check_same(path, json.loads(record.read_text()), ours)
    if write:
        path.mkdir(parents=True, exist_ok=True)
        write_atomically(record, json.dumps(ours, indent=2) + "\n")
    return path


def write_atomically(path: Path, text: str) -> None:
    """Writes `text` under another name in the same folder, then renames it.

    Raises:
      OSError: it cannot be written; the message names it.
    """
    with _named(path), folders.replacing(path) as scratch:
        scratch.write_text(text)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a file.

    Raises:
      OSError: it cannot be written; the message names it.
    """
    with _named(path), path.open("a") as file:
        file.write(line + "\n")


@contextlib.contextmanager
def _named(path):
    # The error of a full disk does not tell where.
    try:
        yield
    except OSError as error:
        raise OSError(f"workdir: '{path}' cannot be written ({error.strerror}).") from None


def cut_log(path: Path, last_step: int) -> None:
    """Drops the lines of metrics.jsonl after `last_step`, left by a training that was killed."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    # A line without its newline was cut off in writing.
    kept = [x for x in lines if x.endswith("\n") and json.loads(x)["step"] <= last_step]
    if kept != lines:
        write_atomically(path, "".join(kept))


def read_log(path: Path) -> list[dict]:
    """The records of metrics.jsonl."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _check_same(path: Path, theirs: dict, ours: dict) -> None:
    """Compares what both have, and names the first difference."""
    pairs = [("model", theirs["model"]["registered_name"], ours["model"]["registered_name"])]
    for there, here, free in (
        (theirs["model"]["config"], ours["model"]["config"], {"name"}),
        (theirs["train"], ours["train"], _FREE | {"dataset", "dataset_path"}),
    ):
        pairs += [(name, there[name], here[name]) for name in here if name in there and name not in free]
    if not _is_same_data(theirs["train"], ours["train"]):
        names = [
            settings.get("dataset_path") or settings.get("dataset")
            for settings in (theirs["train"], ours["train"])
        ]
        pairs.append(("dataset", *names))
    for name, there, here in pairs:
        if there != here:
            raise ValueError(
                f"workdir: {path} holds another training, whose {name} is {there}, not {here};"
                " expected an empty folder or one of the same model, data and settings."
            )


def _real_path(dataset: object) -> str | None:
    """Where a folder or file of data is, however it is spelled; None for other data."""
    path = os.path.expanduser(str(dataset))
    return os.path.realpath(path) if dataset and os.path.exists(path) else None


def _is_same_data(theirs: dict, ours: dict) -> bool:
    """Whether two trainings have the same data: of one path, or of one name where they have been moved."""
    there, here = theirs.get("dataset_path"), ours.get("dataset_path")
    if there and there == here:
        return True
    return theirs.get("dataset") == ours.get("dataset") and not (there and os.path.exists(there))
