"""Score a model on a data set, with standard error and protocol."""

import argparse
import json

from . import arguments as types
from . import models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    types.add_dataset(parser, split="test")
    parser.add_argument(
        "--metrics", nargs="+", help="which (default: the usual one, such as bits_per_dim of images)"
    )
    parser.add_argument(
        "--num_samples",
        type=types.integer(1),
        help="k of a VAE's importance-weighted bound (default: what is usual for each metric)",
    )
    parser.add_argument("--batch_size", type=types.integer(1), default=64, help="(default %(default)s)")
    parser.add_argument(
        "--num", type=types.integer(1), help="how many examples, from the start (default: all)"
    )
    types.add_seed(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--save", action="store_true", help="also put the result into the preset's metadata.json"
    )


def run(arguments: argparse.Namespace) -> None:
    model = models.load_model(arguments.preset)
    from .. import metrics

    with models.load_data(arguments, model) as dataset:
        results = metrics.evaluate(
            model,
            dataset,
            names=arguments.metrics,
            dataset_name=models.dataset_name(arguments),
            split=arguments.split,
            num=arguments.num,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            verbose=not arguments.json,
            num_samples=arguments.num_samples,
        )
    if arguments.save:
        _save(arguments.preset, results)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        for result in results:
            print(describe(result))


def _save(preset: str, results: list[dict]) -> None:
    """Puts the results in place of older ones of the same metric on the same data."""
    from ..zoo import registry, saving

    def key(result):
        return result["name"], result["dataset"], result["split"]

    new = {key(result) for result in results}
    kept = [result for result in registry.info(preset)["metrics"] if key(result) not in new]
    saving.update_metadata(registry.preset_folder(preset), {"metrics": kept + results})


def describe(metric: dict) -> str:
    """A metric in one line: value, standard error, unit, what it was measured on, and how."""
    error = "" if metric["standard_error"] is None else f" ± {metric['standard_error']:.4f}"
    return (
        f"{metric['name']}: {metric['value']:.4f}{error} {metric['unit']} "
        f"({metric['dataset']}, {metric['split']}, {metric['num_examples']} examples; "
        f"{metric['protocol']})"
    )
