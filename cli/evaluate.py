"""Score a model on a data set, with standard error and protocol; or all presets, as a table."""

import argparse
import json

from . import arguments as types
from . import capabilities, models, preset_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", nargs="?", help="a preset's name (see latentzoo list) or folder")
    parser.add_argument(
        "--all", action="store_true", help="every preset on its own data, as a table in Markdown (or --json)"
    )
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="with --all: what the presets' metadata.json record; nothing is measured",
    )
    types.add_dataset(parser, split=None)
    parser.add_argument(
        "--metrics",
        nargs="+",
        type=_names,
        help="which, such as frechet_distance,precision,recall (default: the usual one, such as "
        "bits_per_dim of flows and frechet_distance of GANs)",
    )
    parser.add_argument(
        "--network",
        default="squeezenet1.1",
        help="feature network of sample quality: squeezenet1.1, which is shipped, or inception_v3, whose "
        "weights Keras downloads (default %(default)s)",
    )
    parser.add_argument(
        "--temperature", type=types.number(0), help="of the samples of a flow or a VAE (default: 1)"
    )
    parser.add_argument("--truncation", type=types.number(0), help="of a style model's samples (default: 1)")
    importance_samples = parser.add_argument(
        "--importance_samples",
        type=types.integer(1, 1_000_000),
        help="k of a VAE's importance-weighted bound (default: what is usual for each metric)",
    )
    types.add_old_flag(parser, "--num_samples", importance_samples)
    parser.add_argument("--batch_size", type=types.integer(1), default=64, help="(default %(default)s)")
    parser.add_argument(
        "--num_examples",
        "--num",
        type=types.integer(1),
        help="how many examples, drawn from all with the seed (default: all); of sample quality, how many "
        "samples and real images (default: 10000)",
    )
    types.add_seed(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--save", action="store_true", help="also put the result into the preset's metadata.json"
    )


def run(arguments: argparse.Namespace) -> None:
    if arguments.metrics is not None:
        arguments.metrics = [name for names in arguments.metrics for name in names]
    if arguments.all == (arguments.preset is not None):
        raise ValueError("one of preset and --all must be given.")
    if arguments.all:
        preset_table.run(arguments)
        return
    if arguments.recorded:
        raise ValueError("--recorded must be given with --all: see latentzoo info for one preset.")
    _check(arguments)
    results = measure(models.load_model(arguments.preset), arguments, verbose=not arguments.json)
    if arguments.save:
        save(arguments.preset, results)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        for result in results:
            print(describe(result))


def _check(arguments: argparse.Namespace) -> None:
    """Refuses what can be seen before TensorFlow starts."""
    preset = capabilities.of_preset(arguments.preset)
    preset.check_metrics(arguments.metrics or [])
    if preset.sampling_options is not None:
        preset.options(arguments, preset.sampling_options, ("temperature", "truncation"))
    models.check_data(types.changed(arguments, split=models.usual_split(arguments)))


def measure(
    model, arguments: argparse.Namespace, verbose: bool, names: list[str] | None = None
) -> list[dict]:
    """The entries of `metrics.evaluate` for `arguments.preset`; names: None: those of the arguments."""
    from .. import metrics

    names = names or arguments.metrics or metrics.names_for(model)[:1]
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


def save(preset: str, results: list[dict]) -> None:
    """Puts the results in place of older ones of the same metric on the same data, drawn alike; or last."""
    from ..zoo import registry, saving

    def key(result):
        drawn = result.get("temperature"), result.get("truncation")
        return result["name"], result["dataset"], result["split"], *drawn

    def merged(metadata):
        known = {key(result): result for result in [*metadata["metrics"], *results]}
        return {"metrics": list(known.values())}

    saving.update_metadata(registry.preset_folder(preset), merged)


def describe(metric: dict) -> str:
    """A metric in one line: value, standard error, unit, what it was measured on, and how."""
    error = "" if metric["standard_error"] is None else f" ± {metric['standard_error']:.4f}"
    return (
        f"{metric['name']}: {metric['value']:.4f}{error} {metric['unit']} "
        f"({metric['dataset']}, {metric['split']}, {metric['num_examples']} examples; "
        f"{metric['protocol']})"
    )


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
