"""Kills processes in the middle of each kind of save, and looks at what is left.

    python benchmarks/kills.py --kills 100

A child saves the same thing again and again, two models in turn, and is killed: at a random moment, or, every
other one, while something is being written. What was saved must be whole, old or new; after the next save
beside it nothing else may be there.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from latentzoo import export
from latentzoo.zoo import folders, registry, saving, weights_file
from latentzoo.zoo.flows import RealNVP


def save_preset(place, models):
    models[0].save_to_preset(place)


def save_keras_file(place, models):
    models[0].save(place)


def save_weights(place, models):
    models[0].save_weights(place)


def save_metadata(place, models):
    if not place.exists():
        models[0].save_to_preset(place)
    saving.update_metadata(place, lambda metadata: {"count": metadata.get("count", 0) + 1})


def save_export(place, models):
    export.saved_model(models[0], place.parent, version=1, overwrite=True)


def check_preset(place):
    _, files = registry.read_preset(place)
    weights_file.read(files[registry.WEIGHTS])


def check_keras_file(place):
    with zipfile.ZipFile(place) as archive:
        weights_file.read(archive.read("model.weights.h5"))


def check_weights(place):
    weights_file.read(place.read_bytes())


def check_export(place):
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of each kind (default %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| save | kills | nothing or half there | leftovers | in the middle |\n|---|---|---|---|---|")
    faults = 0
    for kind in arguments.kinds:
        lost, left, middle = kill(kind, arguments.kills, random.Random(arguments.seed))
        print(f"| {kind} | {arguments.kills} | {lost} | {left} | {middle} |", flush=True)
        faults += lost + left
    sys.exit(min(faults, 1))


def kill(kind: str, kills: int, rng: random.Random) -> tuple[int, int, int]:
    """How often something was lost, how often something else was there, how many kills hit a save."""
    name, save, check = KINDS[kind]
    # TensorFlow starts in the children alone: its threads do not come along into a fork.
    context = multiprocessing.get_context("fork")
    lost = left = middle = 0
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / name
        for k in range(kills):
            times = context.SimpleQueue()
            child = context.Process(target=_save_for_ever, args=(save, place, times))
            child.start()
            time.sleep(rng.uniform(0, times.get()))
            while k % 2 and not _hidden(temporary):
                time.sleep(1e-5)
            os.kill(child.pid, signal.SIGKILL)
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


def _save_for_ever(save, place, times):
    models = [RealNVP(event_shape=(2,), depth=2, width=width) for width in (32, 64)]
    save(place, models)
    start = time.perf_counter()
    save(place, models)
    times.put(2 * (time.perf_counter() - start))
    parent = os.getppid()
    while os.getppid() == parent:  # and not after this script was stopped itself
        models.reverse()
        save(place, models)


if __name__ == "__main__":
    main()
