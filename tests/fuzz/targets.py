"""Everything that reads what strangers wrote, with good inputs to damage.

Each target is made in a folder of its own, which is the working directory too. The readers are looked up
when it is made, so that one target imports no more than it needs.
"""

import contextlib
import dataclasses
import io
import json
import pickle
import struct
import types
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from . import mutation

ERRORS = (ValueError, OSError)


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader of one kind of input.

    Attributes:
      seeds: good inputs: bytes, or the words of command lines.
      read: the reader.
      prepare: makes its argument of a damaged input: of bytes, a file that holds them.
      errors: what it may raise.
      seconds: of the processor's time, that one input may take.
    """

    seeds: Sequence
    read: Callable[[Any], object]
    prepare: Callable[[Any], object] = lambda content: content
    errors: tuple[type[BaseException], ...] = ERRORS
    seconds: float = 10.0

    def input(self, chance) -> bytes | list[str]:
        """A damaged input."""
        mutate = mutation.bytes_of if isinstance(self.seeds[0], bytes) else mutation.words_of
        return mutate(self.seeds, chance)


def _in_file(path: Path) -> Callable[[bytes], Path]:
    def write(content):
        path.write_bytes(content)
        return path

    return write


def network_pickle(folder: Path) -> Target:
    """Pickles of StyleGANs, of TensorFlow and of PyTorch."""
    from latentzoo.zoo import importers

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value

    state = text(b"version") + b"K\5" + text(b"static_kwargs") + b"}" + text(b"resample_kernel")
    state += pickle.dumps([1, 3, 3, 1], 2)[2:-1] + b"s" + text(b"variables")
    state += b"](" + text(b"lod") + b"K\0\x86e" + text(b"components") + b"}"
    tensorflow = b"\x80\4" + (b"cdnnlib.tflib.network\nNetwork\n)\x81}(" + state + b"ub") * 3 + b"\x87."
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuK\4tQ"
        tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0K\4\x85K\1\x85\x89}tR"
        file.writestr("archive/data.pkl", b"\x80\2}" + text(b"w") + tensor + b"s.")
        file.writestr("archive/data/0", np.arange(4, dtype="<f4").tobytes())
    system = b"\x80\4cos\nsystem\n(" + text(b"true") + b"tR."
    arrays = pickle.dumps({"x": np.arange(4.0), "y": [1, "a", {2}], "z": np.float32(1)}, 4)

    def read(path):
        with contextlib.suppress(ValueError):
            importers.read_stylegan(path)
        return importers.read_stylegan2(path)

    return Target([tensorflow, archive.getvalue(), system, arrays], read, _in_file(folder / "network.pkl"))


def image(folder: Path) -> Target:
    """Image files of all formats that are read."""
    from latentzoo.zoo import image_files

    rng = np.random.default_rng(0)
    seeds = []
    for mode, channels in (("L", 1), ("RGB", 3), ("RGBA", 4)):
        pixels = rng.integers(0, 256, [9, 7, channels], np.uint8)
        picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)
        for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "TGA", "PCX", "SGI", "ICO"):
            stream = io.BytesIO()
            with contextlib.suppress(OSError, ValueError):  # not every format has every mode
                picture.save(stream, kind)
                seeds.append(stream.getvalue())
    seeds.append(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 7\nshowpage\n")

    def read(path):
        return image_files.load_image(path, (8, 8, 3))

    return Target(seeds, read, _in_file(folder / "image.png"))


def arrays(folder: Path) -> Target:
    """.npz files of images and labels."""
    from latentzoo import data

    seeds = []
    for images in (np.zeros([3, 4, 4, 1], np.uint8), np.ones([3, 4, 4, 3], np.float32)):
        for save in (np.savez, np.savez_compressed):
            stream = io.BytesIO()
            save(stream, x_train=images, y_train=np.arange(3), x_test=images[:1], y_test=np.arange(1))
            seeds.append(stream.getvalue())
    stream = io.BytesIO()
    np.savez(stream, x_train=np.array([{1: 2}, None], dtype=object))
    seeds.append(stream.getvalue())
    return Target(seeds, lambda path: data.source(path, labels=True), _in_file(folder / "data.npz"))


def labels_of_folder(folder: Path) -> Target:
    """The dataset.json of a folder of images."""
    from latentzoo.data import image_folders

    (folder / "00000").mkdir()
    for i in range(2):
        Image.new("L", (4, 4)).save(folder / "00000" / f"img{i}.png")
    names = [f"00000/img{i}.png" for i in range(2)]
    seeds = [json.dumps({"labels": value}).encode() for value in ([[name, 1] for name in names], None)]

    def read(path):
        return image_folders.list_images(path.parent, "all")

    return Target(seeds, read, _in_file(folder / "dataset.json"))


def preset_metadata(folder: Path) -> Target:
    """The metadata.json of a preset."""
    from latentzoo.zoo import registry

    seeds = [path.read_bytes() for path in sorted(registry.PRESETS.glob("*/metadata.json"))]
    return Target(seeds, lambda path: registry.info(path.parent), _in_file(folder / "metadata.json"))


def _damaged_preset(folder: Path, name: str) -> Target:
    """A preset one of whose files is damaged, with a checksum that agrees."""
    from latentzoo.zoo import registry, saving
    from latentzoo.zoo.flows import RealNVP

    preset = folder / "preset"
    RealNVP(event_shape=(2,), depth=2, width=4).save_to_preset(preset)
    metadata = json.loads((preset / "metadata.json").read_text())
    seeds = [(preset / name).read_bytes()]

    def prepare(content):
        (preset / name).write_bytes(content)
        checksums = {**metadata["sha256"], name: registry.sha256(preset / name)}
        (preset / "metadata.json").write_text(json.dumps({**metadata, "sha256": checksums}))
        return preset

    return Target(seeds, saving.load, prepare)


def preset_config(folder: Path) -> Target:
    """The config.json of a preset."""
    return _damaged_preset(folder, "config.json")


def preset_weights(folder: Path) -> Target:
    """The HDF5 file of a preset."""
    return _damaged_preset(folder, "model.weights.h5")


def recipe(folder: Path) -> Target:
    """A recipe.json."""
    from latentzoo.trainers import recipes
    from latentzoo.zoo import registry

    seeds = [path.read_bytes() for path in sorted(registry.PRESETS.glob("*/recipe.json"))]
    return Target(seeds, recipes.read, _in_file(folder / "recipe.json"))


def workdir_record(folder: Path) -> Target:
    """The train.json of a training run."""
    from latentzoo.trainers import workdir

    recipe = {
        "model": {"registered_name": "latentzoo>RealNVP", "config": {"event_shape": [2], "depth": 1}},
        "dataset": "two_moons",
        "train": {"steps": 9, "learning_rate": 1e-3, "seed": 0},
    }
    workdir.open_workdir(folder, recipe)
    seeds = [(folder / "train.json").read_bytes()]

    def read(path):
        return workdir.open_workdir(path.parent, recipe, write=False)

    return Target(seeds, read, _in_file(folder / "train.json"))


def workdir_log(folder: Path) -> Target:
    """The metrics.jsonl of a training run."""
    from latentzoo.trainers import workdir

    lines = [{"step": step, "loss": 1.5, "images_per_second": 9.0} for step in (3, 6, 9)]
    seeds = ["".join(json.dumps(line) + "\n" for line in lines).encode()]
    return Target(seeds, workdir.read_log, _in_file(folder / "metrics.jsonl"))


class _Answer(io.BytesIO):
    """An open answer, without a server."""

    length = 0


def server_answer(folder: Path) -> Target:
    """What a server over REST answers to questions for its signatures and for samples."""
    from latentzoo.export import client
    from latentzoo.export.client import deadline

    images = {"dtype": "DT_UINT8", "tensor_shape": {"dim": [{"size": str(n)} for n in (-1, 2, 2, 1)]}}
    seed = {"dtype": "DT_INT32", "tensor_shape": {"dim": [{"size": "-1"}, {"size": "2"}]}}
    signature = {"inputs": {"seed": seed}, "outputs": {"images": images}, "method_name": "predict"}
    metadata = {"metadata": {"signature_def": {"signature_def": {"sample": signature}}}}
    outputs = {"outputs": [[[[0], [255]], [[3], [4]]]]}
    seeds = [json.dumps(answer).encode() for answer in (metadata, outputs)]

    def read(content):
        about = content if content.startswith(b'{"metadata') else seeds[0]
        answers = iter([about, seeds[1] if about is content else content])
        opener = types.SimpleNamespace(open=lambda *_, **__: _Answer(next(answers)))
        with mock.patch.object(deadline, "opener", lambda: opener):
            return client.Rest("model", "localhost:1").sample(1, seed=0)

    return Target(seeds, read)


class _StartsTensorFlow(BaseException):
    """A command has checked what it can check before."""


def command(folder: Path) -> Target:
    """Command lines, up to where TensorFlow or a server is asked."""
    from latentzoo.cli import main, models, request, train

    Image.new("L", (28, 28)).save(folder / "picture.png")
    np.savez(folder / "data.npz", x_train=np.zeros([4, 28, 28, 1], np.uint8))
    seeds = [
        ["list", "--json"],
        ["info", "glow-mnist", "--json"],
        ["--version"],
        ["help", "sample"],
        ["sample", "glow-mnist", "--num", "4", "--temperature", "0.7", "--seed", "3", "--out", "out.png"],
        ["sample", "stylegan2-fashion-mnist", "--truncation", "0.7", "--labels", "0,1", "--out", "out.png"],
        ["reconstruct", "vae-mnist", "--dataset", "data.npz", "--num", "2"],
        ["interpolate", "glow-mnist", "--dataset", "mnist", "--image_a", "1", "--image_b", "2"],
        ["manifold", "autoencoder-mnist-2d", "--out", "out.png"],
        ["mix", "stylegan2-noto-emoji", "--rows", "1,2", "--columns", "3", "--styles", "coarse"],
        ["project", "stylegan2-fashion-mnist", "--label", "9", "picture.png"],
        ["evaluate", "glow-mnist", "--metrics", "bits_per_dim", "--num", "10", "--split", "test"],
        ["evaluate", "--all", "--recorded"],
        ["compare", "glow-mnist", "vae-mnist", "--num_examples", "10"],
        ["diagnose", "glow-mnist", "--other", "mnist", "--out", "out"],
        ["train", "glow", "--dataset", "data.npz", "--workdir", "out", "--steps", "3"],
        ["train", "glow", "--set", "depth=2", "--set", "batch_size=4", "--steps", "3", "--dataset", "mnist"],
        ["import", "stylegan2-ada", "picture.png", "--out", "out"],
        ["export", "glow-mnist", "--out", "out"],
        ["request", "sample", "--model", "glow-mnist", "--num", "4", "--out", "out.png", "--rest"],
    ]

    def stop(*_, **__):
        raise _StartsTensorFlow

    def read(words):
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(models, "start_tensorflow", stop))
            stack.enter_context(mock.patch.object(train, "_start_tensorflow", stop))
            stack.enter_context(mock.patch.object(request, "run", stop))
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            try:
                main.main(main.parse(["latentzoo", *words]))
            except _StartsTensorFlow:
                pass
            except SystemExit as exit:
                if exit.code not in (None, 0, 2):
                    raise RuntimeError(f"exit code {exit.code}") from None

    return Target(seeds, read)


# Of a million inputs, how many go to each.
SHARES = {
    network_pickle: 250_000,
    image: 120_000,
    arrays: 100_000,
    labels_of_folder: 60_000,
    preset_metadata: 150_000,
    preset_config: 5_000,
    preset_weights: 10_000,
    recipe: 100_000,
    workdir_record: 50_000,
    workdir_log: 50_000,
    server_answer: 60_000,
    command: 45_000,
}
