"""Show a preset's metadata: data, recipe, scores, license, checksums, and its serving signatures."""

import argparse
import json

from ..zoo import registry
from . import arguments as types
from . import models, scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--signatures",
        action="store_true",
        help="also show the serving signatures of an export, with shapes and ranges; takes some seconds",
    )


def run(arguments: argparse.Namespace) -> None:
    information = registry.info(arguments.preset)
    signatures = models.load_model(arguments.preset).serving_signatures() if arguments.signatures else []
    if arguments.json:
        if signatures:
            information["signatures"] = {signature.name: signature.as_json() for signature in signatures}
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
        print(scores.describe(metric))
    for signature in signatures:
        print(f"{signature}{f', now {signature.replaced_by}' if signature.replaced_by else ''}")


def _text(value) -> str:
    if value is None:
        return "not recorded"
    return value if isinstance(value, str) else json.dumps(value)
