"""The table of all presets that `latentzoo evaluate --all` measures and prints."""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..metrics.register import METRICS, metric_of
from ..zoo import folders, registry
from . import arguments as types
from . import capabilities, models, scores

# The default columns: each model's usual score, and the quality of its samples.
_USUAL = ["score", "frechet_distance", "precision", "recall"]


def run(arguments: argparse.Namespace) -> None:
    """Measures every preset on its own data, or reads the recorded scores, and prints the table.

    The last rows compare training images, as many as there are samples, with the same real images: the scores
    that a perfect model would have. `--save` saves them in a file next to the presets.
    """
    if arguments.dataset:
        raise ValueError("dataset must not be given with --all: each preset has its own.")
    columns = arguments.metrics or _USUAL
    for column in columns:
        if column != "score":
            capabilities.check_metric(column)
    presets = registry.list_presets()
    if arguments.recorded:
        rows = [{**_about(preset), "metrics": preset["metrics"]} for preset in presets]
        rows += _recorded_floors()
    else:
        with contextlib.redirect_stdout(sys.stderr):  # where progress goes
            models.start_tensorflow()
            rows = [_measured(preset, columns, arguments) for preset in presets]
            floors = _floors(presets, columns, arguments)
        if arguments.save and floors:
            _save_floors(floors)
        rows += floors
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print(markdown(rows, columns))


def _about(preset: dict[str, Any]) -> dict[str, Any]:
    published = registry.info(preset["name"]).get("published", [])
    about = {key: preset[key] for key in ("name", "model", "dataset", "parameters")}
    return {**about, "published": published}


def _measured(
    preset: dict[str, Any], columns: Sequence[str], arguments: argparse.Namespace
) -> dict[str, Any]:
    about = _about(preset)
    print(f"{preset['name']}:")
    model = models.load_model(preset["name"])
    from .. import metrics

    known = metrics.names_for(model)
    wanted = [known[0] if column == "score" else column for column in columns]
    names = [name for name in dict.fromkeys(wanted) if name in known]
    of_preset = types.changed(arguments, preset=preset["name"])
    try:
        results = scores.measure(model, of_preset, verbose=True, names=names)
    except OSError as error:  # the data is missing
        print(f"{preset['name']} is not measured: {error}")
        return {**about, "metrics": []}
    if arguments.save:
        scores.save(preset["name"], results)
    return {**about, "metrics": results}


def _floors(
    presets: Sequence[dict[str, Any]], columns: Sequence[str], arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """For each dataset of images, a row of its training images compared with the real ones."""
    rows = {}
    for preset in presets:
        name = preset["dataset"]
        if name in rows:
            continue
        from .. import metrics
        from ..zoo.features import feature_network

        wanted = [column for column in columns if column != "score"]
        wanted = [column for column in wanted if "features" in metrics.METRICS[column].needs]
        model = models.load_model(preset["name"])
        if not wanted or not model.has_images:
            continue
        of_preset = types.changed(arguments, preset=preset["name"])
        of_preset.split = models.usual_split(of_preset)
        if of_preset.split == "train":  # the same images
            continue
        of_training = types.changed(of_preset, split="train")
        print(f"training images of {name}:")
        try:
            with models.load_data(of_preset, model) as real, models.load_data(of_training, model) as others:
                sets = metrics.compare_images(
                    model, real, others, network=feature_network(arguments.network),
                    num_examples=arguments.num_examples, batch_size=arguments.batch_size, seed=arguments.seed,
                    dataset_name=name, split=of_preset.split,
                )  # fmt: skip
        except OSError as error:
            print(f"the training images of {name} are not measured: {error}")
            continue
        data = {"dataset": name, "split": of_preset.split}
        rows[name] = {
            "name": "training images",
            "model": None,
            "dataset": name,
            "parameters": None,
            "published": [],
            "metrics": [{**metrics.METRICS[column](sets), **data} for column in wanted],
        }
    return list(rows.values())


def _floors_file() -> Path:
    return registry.PRESETS / "training_images.json"


def _recorded_floors() -> list[dict[str, Any]]:
    path = _floors_file()
    return json.loads(path.read_text()) if path.exists() else []


def _save_floors(rows: list[dict[str, Any]]) -> None:
    with folders.replacing(_floors_file()) as scratch:
        scratch.write_text(json.dumps(rows, indent=2) + "\n")


def markdown(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Returns the table in Markdown; published numbers are in their own column, with their source."""
    header = ["preset", "model", "data", "weights", *columns, "published"]
    lines = [header, ["---"] * len(header)]
    lines += [_cells(row, columns) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row, columns):
    name = row["name"] if row["model"] is None else f"`{row['name']}`"
    weights = "–" if row["parameters"] is None else f"{row['parameters']:,}"
    published = [f"{number['value']} {number['unit']} ({number['source']})" for number in row["published"]]
    return [
        name,
        row["model"] or "–",
        row["dataset"],
        weights,
        *(_cell(row, column) for column in columns),
        "; ".join(published) or "–",
    ]


def _cell(row, column):
    for metric in row["metrics"]:
        number = _number(metric["value"], metric["standard_error"])
        if column == "score" and _is_own_score(metric):
            return f"{metric['name']} {number} {metric['unit']}"
        if column in METRICS and metric_of(metric) is METRICS[column]:
            return number
    return "–"


def _number(value, standard_error):
    """The value and its error, with 3 decimals, or 4 if the error would round to 0."""
    if standard_error is None:
        return f"{value:.3f}"
    decimals = 3 if standard_error >= 0.0005 else 4
    return f"{value:.{decimals}f} ± {standard_error:.{decimals}f}"


def _is_own_score(entry):
    """Whether an entry is one of the model's own scores, not of its samples."""
    metric = metric_of(entry)
    return metric is not None and "scores" in metric.needs
