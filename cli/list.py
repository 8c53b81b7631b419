"""List the presets with model, dataset, size and usual score."""

import argparse
import json

from ..zoo import registry

_HEADER = ("name", "model", "dataset", "weights", "metric", "value", "")
_RIGHT = {3, 5}  # right-aligned columns


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, with all metrics and checksums")


def run(arguments: argparse.Namespace) -> None:
    presets = registry.list_presets()
    if arguments.json:
        print(json.dumps(presets, indent=2))
        return
    rows = [_HEADER, *map(_row, presets)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    for row in rows:
        cells = [
            cell.rjust(width) if i in _RIGHT else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        # One space between a number and its unit.
        print(f"{'  '.join(cells[:-1])} {cells[-1]}".rstrip())


def _row(preset: dict) -> tuple[str, ...]:
    about = (str(preset["name"]), str(preset["model"]), str(preset["dataset"]), _size(preset["parameters"]))
    if not preset["metrics"]:
        return (*about, "-", "-", "")
    metric = preset["metrics"][0]
    # Units such as "squared distance" only repeat the name.
    unit = "" if " " in metric["unit"] else metric["unit"]
    return (*about, metric["name"].split(" (")[0], f"{metric['value']:.3f}", unit)


def _size(count: int) -> str:
    """A count in thousands or millions."""
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}k"
