"""The folder of a training: what it trains, its checkpoints, its log.

train.json       the model and the settings; a resumed training must agree with it
    checkpoints/     the newest ones, raw weights and optimiser state (tf.train.CheckpointManager)
    metrics.jsonl    one line an evaluation
    tensorboard/     the same numbers and the sample grids, by training step
    grids/<step>.png sample grids, always of the same latents
    preset/          the finished model, for `zoo.load`
"""

import json
import os
from pathlib import Path

import keras

# Settings that a resumed training may not change: the optimiser's state depends on them.
_FIXED = ("optimizer", "ema")


def open_workdir(path: str | os.PathLike, model, settings: dict) -> Path:
    """Makes the folder and writes train.json, or checks that the one there is of this training.

    Raises:
      ValueError: the folder holds a training of another model, or with another optimiser or EMA.
      OSError: the folder cannot be made.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    serialised = keras.saving.serialize_keras_object(model)
    ours = {
        "model": {key: serialised[key] for key in ("registered_name", "config")},
        "train": settings,
    }
    ours = json.loads(json.dumps(ours))
    record = path / "train.json"
    if record.exists():
        _check_same(path, json.loads(record.read_text()), ours)
    write_atomically(record, json.dumps(ours, indent=2) + "\n")
    return path


def write_atomically(path: Path, text: str) -> None:
    """Writes `text` under another name in the same folder, then renames it."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def cut_log(path: Path, last_step: int) -> None:
    """Drops the lines of metrics.jsonl after `last_step`, left by a training that was killed."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    # A line without its newline was cut off in writing.
    kept = [x for x in lines if x.endswith("\n") and json.loads(x)["step"] <= last_step]
    if kept != lines:
        write_atomically(path, "".join(kept))


def _check_same(path: Path, theirs: dict, ours: dict) -> None:
    pairs = [("model", theirs["model"]["registered_name"], ours["model"]["registered_name"])]
    for there, here, names in (
        (theirs["model"]["config"], ours["model"]["config"], ours["model"]["config"]),
        (theirs["train"], ours["train"], _FIXED),
    ):
        pairs += [(name, there.get(name), here.get(name)) for name in names if name != "name"]
    differences = [f"{name} is {there} there, {here} here" for name, there, here in pairs
                   if there != here]  # fmt: skip
    if differences:
        raise ValueError(
            f"workdir: {path} holds another training ({'; '.join(differences)});"
            " expected an empty folder or one of the same model, optimizer and ema."
        )
