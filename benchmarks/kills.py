"""Kills processes while they save, for each kind of save, and checks the files that remain.

    python benchmarks/kills.py --kills 100

A child process repeatedly saves to the same place, alternating between two models, and is killed at a random
moment; every other kill comes while a file is being written. The old or the new save must be intact, and the
next save in the same folder must remove any leftovers.
"""

import multiprocessing
import os
import random
import tempfile
import time
import zipfile
from pathlib import Path

import killing

from latentzoo.export.saving import saved_model
from latentzoo.zoo import folders, registry, saving, weights_file
from latentzoo.zoo.flows import RealNVP


def save_preset(place: Path, models: list[RealNVP]) -> None:
    models[0].save_to_preset(place)


def save_keras_file(place: Path, models: list[RealNVP]) -> None:
    models[0].save(place)


def save_weights(place: Path, models: list[RealNVP]) -> None:
    models[0].save_weights(place)


def save_metadata(place: Path, models: list[RealNVP]) -> None:
    if not place.exists():
        models[0].save_to_preset(place)
    saving.update_metadata(place, lambda metadata: {"count": metadata.get("count", 0) + 1})


def save_export(place: Path, models: list[RealNVP]) -> None:
    saved_model(models[0], place.parent, version=1, overwrite=True)


def check_preset(place: Path) -> None:
    _, files = registry.read_preset(place)
    weights_file.read(files[registry.WEIGHTS])


def check_keras_file(place: Path) -> None:
    with zipfile.ZipFile(place) as archive:
        weights_file.read(archive.read("model.weights.h5"))


def check_weights(place: Path) -> None:
    weights_file.read(place.read_bytes())


def check_export(place: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model_pb2.SavedModel.FromString((place / "saved_model.pb").read_bytes())
    names = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    wanted = {"variables/variables.index", "variables/variables.data-00000-of-00001"}
    if not wanted <= names:
        raise ValueError(f"'{place}' lacks {wanted - names}.")


KINDS = {
    "preset": ("preset", save_preset, check_preset),
    "metadata": ("preset", save_metadata, check_preset),
    "keras": ("model.keras", save_keras_file, check_keras_file),
    "weights": ("model.weights.h5", save_weights, check_weights),
    "export": ("1", save_export, check_export),
}


def main() -> None:
    columns = {"missing or damaged": True, "leftovers": True, "during a write": False}
    killing.run(
        "Kill processes while they save, and check the files that remain.", "kind", KINDS, columns, kill
    )


def kill(kind: str, kills: int, rng: random.Random) -> tuple[int, int, int]:
    """Returns how often the save was lost, how often files were left, and how many kills hit a write."""
    name, save, check = KINDS[kind]
    # TensorFlow may start only in the children, since a fork does not copy its threads.
    context = multiprocessing.get_context("fork")
    lost = left = middle = 0
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / name
        for k in range(kills):
            times = context.SimpleQueue()
            child = context.Process(target=_save_forever, args=(save, place, times))
            child.start()
            time.sleep(rng.uniform(0, times.get()))
            while k % 2 and not _hidden(temporary):
                time.sleep(1e-5)
            child.kill()
            child.join()
            middle += bool(_hidden(temporary))
            try:
                check(place)
            except (OSError, ValueError, zipfile.BadZipFile):
                lost += 1
            for folder in filter(Path.is_dir, (place.parent, place)):
                folders.write(folder / "next", b"")
                (folder / "next").unlink()
            left += bool(_hidden(temporary)) or os.listdir(place.parent) != [name]
    return lost, left, middle


def _hidden(folder):
    return [name for _, names, _ in os.walk(folder) for name in names if name.startswith(folders.PREFIX)]


def _save_forever(save, place, times):
    models = [RealNVP(event_shape=(2,), depth=2, width=width) for width in (32, 64)]
    save(place, models)
    start = time.perf_counter()
    save(place, models)
    times.put(2 * (time.perf_counter() - start))
    parent = os.getppid()
    while os.getppid() == parent:  # ends with this script
        models.reverse()
        save(place, models)


if __name__ == "__main__":
    main()
