"""Writes preset_numbers.npz: what every preset samples, encodes, decodes and scores, as stored numbers.

    python tests/assets/make_preset_numbers.py            # write the file
    python tests/assets/make_preset_numbers.py --compare  # print how far today's numbers are from it

Write it again only when a preset is added or its weights change: `tests/zoo/test_preset_numbers.py` exists to
catch code that gives other numbers. On the machine that wrote the file all differences are 0. Functions run
eagerly, as in that test.
"""

import inspect
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from latentzoo import zoo

HERE = Path(__file__).parent
NUMBERS = HERE / "preset_numbers.npz"
METHODS = ("sample", "encode", "decode", "reconstruct", "log_prob", "elbo", "bits_per_dim")
ROWS = 3
STEP = 5  # of large rows every fifth number is stored: coprime to the widths, so all columns take part
LARGE = 256


def inputs(model) -> dict[str, np.ndarray]:
    """Events to encode and latents to decode, both exact in few bytes."""
    random = np.random.RandomState(0)
    shape = model.event_shape
    if shape == (28, 28, 1):
        events = np.load(HERE / "fashion_mnist_small.npz")["x_test"][:ROWS, ..., None]
    elif len(shape) == 3:
        events = random.randint(0, 256, (ROWS, *shape)).astype(np.uint8)
    else:
        events = random.standard_normal((ROWS, *shape)).astype(np.float32)
    return {"events": events, "latents": random.standard_normal((ROWS, model.latent_dim)).astype(np.float16)}


def numbers(model, name: str, events: np.ndarray, latents: np.ndarray) -> np.ndarray:
    """What the method `name` answers, a row for each event; a part of it where rows are large."""
    method = getattr(model, name)
    first = {"sample": ROWS, "decode": latents.astype(np.float32)}.get(name, events)
    options = {"seed": 5, "labels": np.arange(1, ROWS + 1) if model.num_classes else None}
    takes = inspect.signature(method).parameters
    answer = method(first, **{option: value for option, value in options.items() if option in takes})
    rows = np.asarray(answer).reshape(ROWS, -1)
    return rows[:, ::STEP] if rows.shape[1] > LARGE else rows


def write() -> None:
    arrays = {}
    for name in (preset["name"] for preset in zoo.list_presets()):
        model = zoo.load(name)
        given = inputs(model)
        arrays |= {f"{name}/{key}": array for key, array in given.items()}
        for method in METHODS:
            if hasattr(model, method):
                try:
                    arrays[f"{name}/{method}"] = numbers(model, method, **given)
                except ValueError as error:  # bits_per_dim of vectors or of binary images
                    print(f"left out: {error}")
    np.savez_compressed(NUMBERS, **arrays)


def compare() -> None:
    stored = np.load(NUMBERS)
    for name in (preset["name"] for preset in zoo.list_presets()):
        model = zoo.load(name)
        given = {key: stored[f"{name}/{key}"] for key in ("events", "latents")}
        for method in METHODS:
            if f"{name}/{method}" in stored:
                expected = stored[f"{name}/{method}"]
                error = np.abs(numbers(model, method, **given) - expected).max() / np.abs(expected).max()
                print(f"{name:24} {method:12} {error:.1e}")


if __name__ == "__main__":
    tf.config.run_functions_eagerly(True)
    compare() if sys.argv[1:] == ["--compare"] else write()
