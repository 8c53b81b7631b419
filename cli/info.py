"""Show all that is known of a preset: data, recipe, scores, licence, checksums."""

import argparse
import json

from ..zoo import registry
from . import arguments as types
from . import evaluate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> None:
    information = registry.info(arguments.preset)
    if arguments.json:
        print(json.dumps(information, indent=2))
        return
    metrics = information.pop("metrics", [])
    for key, value in information.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for part, content in value.items():
                print(f"  {part}: {_text(content)}")
        else:
            print(f"{key}: {_text(value)}")
    for metric in metrics:
        print(evaluate.describe(metric))


def _text(value) -> str:
    if value is None:
        return "not recorded"
    return value if isinstance(value, str) else json.dumps(value)
