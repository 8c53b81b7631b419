"""Export a model as a SavedModel for TF Serving, with the server's configuration files."""

import argparse
from pathlib import Path

from ..zoo import registry
from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument(
        "--out",
        type=types.new_folder,
        default="models",
        help="folder of all models of the server (default %(default)s)",
    )
    parser.add_argument("--name", help="name of the model on the server (default: the preset's)")
    parser.add_argument("--version", type=types.integer(1), help="version number (default: the next one)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing version")


def run(arguments: argparse.Namespace) -> None:
    capabilities.of_preset(arguments.preset)
    name = arguments.name or registry.info(arguments.preset).get("name")
    if not isinstance(name, str) or Path(name).name != name or name.startswith("."):
        raise ValueError(f"name must be a valid folder name, got {name!r}.")
    model = models.load_model(arguments.preset)
    models.note("tracing and writing the model's signatures ...")
    from .. import export
    from ..export.server_files import write_server_files

    folder = Path(arguments.out)
    path = export.saved_model(model, folder / name, version=arguments.version, overwrite=arguments.overwrite)
    write_server_files(folder)
    for signature in model.serving_signatures():
        models.note(f"  {signature}")
    print(f"version {path.name} of {name} in {path}")
