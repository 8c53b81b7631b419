"""List the presets: what they are of, their size and their score."""

import argparse
import json

from ..zoo import registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, with metrics and checksums")


def run(arguments: argparse.Namespace) -> None:
    presets = registry.list_presets()
    if arguments.json:
        print(json.dumps(presets, indent=2))
        return
    rows = [("name", "family", "model", "dataset", "parameters", "score")]
    rows += [_row(preset) for preset in presets]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def _row(preset: dict) -> tuple[str, ...]:
    score = "-"
    if preset["metrics"]:
        metric = preset["metrics"][0]
        score = f"{metric['value']:.3f} {metric['unit']}"
    names = (str(preset[key]) for key in ("name", "family", "model", "dataset"))
    return (*names, f"{preset['parameters']:,}", score)
