"""Scores of presets: measured, saved in their metadata, and described in a line."""

import argparse
from typing import TYPE_CHECKING, Any

from ..zoo import registry
from . import arguments as types
from . import models

if TYPE_CHECKING:
    from ..zoo.model import ZooModel


def measure(
    model: "ZooModel", arguments: argparse.Namespace, verbose: bool, names: list[str] | None = None
) -> list[dict[str, Any]]:
    """Returns the entries of `metrics.evaluate` for `arguments.preset`.

    Args:
      names: metrics; None: `arguments.metrics`, or the model's usual one.
    """
    from .. import metrics

    names = list(names or arguments.metrics or metrics.names_for(model)[:1])
    needs_labels = any("labels" in metrics.METRICS[name].needs for name in names)
    arguments = types.changed(arguments, split=models.usual_split(arguments))
    with models.load_data(arguments, model, labels=needs_labels) as dataset:
        return metrics.evaluate(
            model,
            dataset,
            names=names,
            dataset_name=models.dataset_name(arguments),
            split=arguments.split,
            num_examples=arguments.num_examples,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            verbose=verbose,
            importance_samples=arguments.importance_samples,
            network=arguments.network,
            temperature=arguments.temperature,
            truncation=arguments.truncation,
        )


def save(preset: str, results: list[dict[str, Any]]) -> None:
    """Saves results in a preset's metadata.

    A result replaces an older one of the same metric on the same data with the same sampling options.
    """
    from ..zoo import saving

    def key(result):
        sampling = result.get("temperature"), result.get("truncation")
        return result["name"], result["dataset"], result["split"], *sampling

    def merged(metadata):
        known = {key(result): result for result in [*metadata["metrics"], *results]}
        return {"metrics": list(known.values())}

    saving.update_metadata(registry.preset_folder(preset), merged)


def describe(metric: dict[str, Any]) -> str:
    """Returns a line with the value of a metric, its standard error, unit, data and protocol."""
    error = "" if metric["standard_error"] is None else f" ± {metric['standard_error']:.4f}"
    return (
        f"{metric['name']}: {metric['value']:.4f}{error} {metric['unit']} "
        f"({metric['dataset']}, {metric['split']}, {metric['num_examples']} examples; "
        f"{metric['protocol']})"
    )
