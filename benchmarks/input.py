"""Compares the input pipeline with what training consumes: images/s, seconds to start, memory.

    python benchmarks/input.py                  # minutes
    python benchmarks/input.py --quick          # tiny sizes, to check that everything runs
    python benchmarks/input.py --json out.json

Prints Markdown tables. The data are Fashion-MNIST (from TensorFlow Datasets if it is on disk, else random
images of its shape), two moons, and temporary folders of increasing numbers of PNG files, 32x32 with three
channels. Each dataset and each preset is measured in a separate process, one at a time. Run it on an
otherwise idle machine. The peak memory is the resident memory of the process.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import peers
from PIL import Image
from reports import machine, markdown_table, usable_processors

BATCH = {"images": 16, "vectors": 512}  # as in the recipes
GOAL = 5  # delivered / consumed


def in_own_process(function: Callable[..., dict], *arguments) -> dict:
    """Calls `function` in a new process, with its own memory and threads."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def make_files(folder: pathlib.Path, count: int) -> pathlib.Path:
    """Writes distinct PNG files of 32x32x3, a thousand per subfolder."""
    images = peers.images(peers.Config(size=32))
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        turn, index = divmod(number, len(images))
        Image.fromarray(images[index] ^ np.uint8(turn % 256)).save(path)
    return folder


def measure_input(name: str, seconds: float, repeats: int) -> dict:
    """Measures how fast the batches of a dataset are delivered, without using them.

    Args:
      name: as in `data.loading.source`: a folder, fashion_mnist or two_moons.
      seconds: of one repeat; an additional first one is a warm-up and is not counted.
      repeats: the median over them is returned.
    """
    from latentzoo.data.training_batches import training_batches

    import_bytes = peak_bytes()
    start = time.perf_counter()
    source, description = open_source(name)
    open_seconds = time.perf_counter() - start
    kind = "vectors" if name == "two_moons" else "images"
    middle = 21 * len(source) // (2 * BATCH[kind])  # in the eleventh epoch

    def first_batch(step):
        start = time.perf_counter()
        batches = iter(training_batches(source, BATCH[kind], seed=0, first_step=step))
        next(batches)
        return batches, time.perf_counter() - start

    _, first_seconds = first_batch(0)
    batches, middle_seconds = first_batch(middle)
    speeds = [BATCH[kind] * calls_per_second(lambda: next(batches), seconds) for _ in range(repeats + 1)]
    return {
        **{"data": description, "kind": kind, "examples": len(source), "open_seconds": open_seconds},
        **{"first_batch_seconds": first_seconds, "middle_step": middle},
        **{"middle_batch_seconds": middle_seconds, "repeats": speeds[1:]},
        **{"images_per_second": statistics.median(speeds[1:])},
        **{"import_bytes": import_bytes, "peak_bytes": peak_bytes()},
    }


def open_source(name: str) -> tuple[Any, str]:
    """The dataset as a source, and its description."""
    import tensorflow_datasets as tfds

    from latentzoo.data import from_arrays, source

    if name == "two_moons":
        return source(name), "two moons, in memory"
    if os.path.isdir(name):
        return source(name, split="all"), "folder of PNG files"
    if tfds.builder(name).is_prepared():
        return source(name), f"{name}, encoded in memory"
    images = np.random.default_rng(0).integers(0, 256, [60_000, 28, 28, 1], np.uint8)
    return from_arrays(images), f"random images instead of {name}, in memory"


def measure_training(preset: str, seconds: float, repeats: int) -> dict:
    """Measures how fast a preset trains, repeatedly on one batch of its recipe's size."""
    import keras
    import tensorflow as tf

    from latentzoo import zoo

    folder = pathlib.Path(zoo.info(preset)["path"])
    batch_size = json.loads((folder / "recipe.json").read_text())["train"]["batch_size"]
    model = zoo.load(preset)
    # The rate is so small that the model does not change.
    optimizer = keras.optimizers.Adam(1e-9, global_clipnorm=1.0, use_ema=True)
    model.compile(optimizer=optimizer, jit_compile=False)
    batch = model.sample(batch_size)
    if len(model.event_shape) == 3:
        batch = tf.cast(tf.round(255 * batch), tf.uint8)
    batches = tf.data.Dataset.from_tensors(batch).repeat()

    def ten_steps():
        model.fit(batches, steps_per_epoch=10, verbose=0, shuffle=False)

    ten_steps()  # traces the step
    speeds = [10 * batch_size * calls_per_second(ten_steps, seconds) for _ in range(repeats + 1)]
    return {
        **{"preset": preset, "kind": "images" if len(model.event_shape) == 3 else "vectors"},
        **{"batch": batch_size, "parameters": model.count_params(), "repeats": speeds[1:]},
        **{"images_per_second": statistics.median(speeds[1:])},
    }


def calls_per_second(function: Callable[[], object], seconds: float) -> float:
    calls, start = 0, time.perf_counter()
    while not calls or time.perf_counter() - start < seconds:
        function()
        calls += 1
    return calls / (time.perf_counter() - start)


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def smallest_presets() -> Iterator[str]:
    """The image preset and the vector preset with the smallest weights files."""
    from latentzoo import zoo

    sizes: dict[str, dict[str, int]] = {"image_shape": {}, "event_shape": {}}
    for preset in zoo.list_presets():
        folder = pathlib.Path(zoo.info(preset["name"])["path"])
        config = json.loads((folder / "config.json").read_text())["config"]
        key = "image_shape" if config.get("image_shape") else "event_shape"
        sizes[key][preset["name"]] = (folder / "model.weights.h5").stat().st_size
    return (min(of_kind, key=lambda name: of_kind[name]) for of_kind in sizes.values() if of_kind)


def input_table(inputs: list[dict]) -> str:
    """A Markdown table of the input pipeline, one line per dataset."""
    head = ["data", "examples", "batch", "examples/s", "opening s", "first batch s", "first batch at step s"]
    lines = [
        [row["data"], f"{row['examples']:,}", f"{BATCH[row['kind']]}", f"{row['images_per_second']:,.0f}"]
        + [f"{row['open_seconds']:.1f}", f"{row['first_batch_seconds']:.2f}"]
        + [f"{row['middle_step']:,}: {row['middle_batch_seconds']:.2f}"]
        + [f"{row['peak_bytes'] / 1e6:.0f}", f"{(row['peak_bytes'] - row['import_bytes']) / 1e6:.0f}"]
        for row in inputs
    ]
    return markdown_table([*head, "peak memory MB", "without imports MB"], lines)


def ratio_table(inputs: list[dict], training: list[dict]) -> str:
    """A Markdown table of the ratio of examples delivered to examples that training consumes."""
    lines = [
        [f"{given['data']}, {given['examples']:,}", taken["preset"], f"{taken['images_per_second']:,.0f}"]
        + [f"{given['images_per_second'] / taken['images_per_second']:.0f} (at least {GOAL})"]
        for taken in training
        for given in inputs
        if given["kind"] == taken["kind"]
    ]
    return markdown_table(["data", "preset", "training examples/s", "delivered / consumed"], lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare the input pipeline with training.")
    parser.add_argument(
        "--files", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="number of files per folder"
    )
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats; the median is shown")
    parser.add_argument("--seconds", type=float, default=5.0, help="approximate time of one repeat")
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and one repeat, not a measurement")
    args = parser.parse_args(arguments)
    if args.quick:
        args.files, args.repeats, args.seconds = [20, 40], 1, 0.0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    print(f"{machine()}, {usable_processors()} CPUs.\n", flush=True)
    inputs = [in_own_process(measure_input, name, args.seconds, args.repeats)
              for name in ("fashion_mnist", "two_moons")]  # fmt: skip
    for count in args.files:
        with tempfile.TemporaryDirectory() as folder:
            make_files(pathlib.Path(folder), count)
            inputs.append(in_own_process(measure_input, folder, args.seconds, args.repeats))
    print(input_table(inputs), flush=True)
    training = [in_own_process(measure_training, preset, args.seconds, args.repeats)
                for preset in smallest_presets()]  # fmt: skip
    print(f"\n{ratio_table(inputs, training)}")
    if args.json:
        results = {"machine": machine(), "inputs": inputs, "training": training}
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
