"""Score a model on a dataset, with standard error and protocol; or all presets, as a table."""

import argparse
import json

from . import arguments as types
from . import capabilities, models, preset_table, scores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser, nargs="?")
    parser.add_argument(
        "--all",
        action="store_true",
        help="score every preset on its own data, and print a Markdown table (or --json)",
    )
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="with --all: print the scores recorded in the presets' metadata, without measuring",
    )
    types.add_dataset(parser, split=None)
    parser.add_argument(
        "--metrics",
        nargs="+",
        type=_names,
        help="metrics, such as frechet_distance,precision,recall (default: the model's usual one, such as "
        "bits_per_dim for flows and frechet_distance for GANs)",
    )
    parser.add_argument(
        "--network",
        default="squeezenet1.1",
        help="feature network for sample quality: squeezenet1.1, which is included, or inception_v3, whose "
        "weights Keras downloads (default %(default)s)",
    )
    parser.add_argument(
        "--temperature", type=types.number(0), help="temperature of the samples of a flow or VAE (default 1)"
    )
    parser.add_argument(
        "--truncation", type=types.number(0), help="truncation of a StyleGAN's samples (default 1)"
    )
    importance_samples = parser.add_argument(
        "--importance_samples",
        type=types.integer(1, 1_000_000),
        help="k of a VAE's importance-weighted bound (default: depends on the metric)",
    )
    types.add_old_flag(parser, "--num_samples", importance_samples)
    types.add_batch_size(parser)
    parser.add_argument(
        "--num_examples",
        "--num",
        type=types.integer(1),
        help="number of examples to score, drawn with the seed (default: all); for sample quality, number of "
        "samples and of real images (default 10000)",
    )
    types.add_seed(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--save", action="store_true", help="also save the result in the preset's metadata.json"
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
    results = scores.measure(models.load_model(arguments.preset), arguments, verbose=not arguments.json)
    if arguments.save:
        scores.save(arguments.preset, results)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        for result in results:
            print(scores.describe(result))


def _check(arguments: argparse.Namespace) -> None:
    """Checks what can be checked before TensorFlow starts."""
    preset = capabilities.of_preset(arguments.preset)
    preset.check_metrics(arguments.metrics or [])
    if preset.sampling_options is not None:
        preset.options(arguments, preset.sampling_options, ("temperature", "truncation"))
    models.check_data(types.changed(arguments, split=models.usual_split(arguments)))


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
