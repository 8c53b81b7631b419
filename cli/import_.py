"""Convert an official network pickle to a preset folder, without running code from the pickle."""

import argparse
import json

from ..zoo import registry
from . import arguments as types
from . import models

# The kinds of pickles, by the official code that wrote them. Pickles of TensorFlow are recognized.
KINDS = ("stylegan", "stylegan2", "stylegan2-ada")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, help="the official code that wrote it")
    parser.add_argument("file", type=types.possible_path, help="network pickle, of PyTorch or TensorFlow")
    parser.add_argument("--out", type=types.new_folder, required=True, help="preset folder to write")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> None:
    from ..zoo import importers

    models.note(f"reading {arguments.file} ...")
    read = importers.read_stylegan if arguments.kind == "stylegan" else importers.read_stylegan2
    official = read(arguments.file)
    source = {
        "file": arguments.file.name,
        "sha256": registry.sha256(arguments.file),
        "code": official.code,
    }
    models.start_tensorflow()
    model = official.make_model()
    model.save_to_preset(arguments.out, {"source": source})
    shape, parameters = list(model.image_shape), model.count_params()
    if arguments.json:
        imported = {"preset": str(arguments.out), "model": type(model).__name__, "image_shape": shape}
        print(json.dumps({**imported, "parameters": parameters, "source": source}, indent=2))
    else:
        size = "x".join(map(str, shape))
        print(f"{type(model).__name__} of {size} images with {parameters} parameters in {arguments.out}")
