"""Score two models of images on the same images, in bits/dim, and draw samples of each."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("presets", nargs=2, metavar="preset", help="names or folders of two presets")
    types.add_dataset(parser, split="test")
    parser.add_argument(
        "--num_examples",
        "--num",
        type=types.integer(1),
        help="number of images, drawn with the seed (default: all)",
    )
    types.add_batch_size(parser)
    importance_samples = parser.add_argument(
        "--importance_samples",
        type=types.integer(1, 1_000_000),
        default=1,
        help="k of a VAE's importance-weighted bound; 1 is the ELBO (default %(default)s)",
    )
    types.add_old_flag(parser, "--num_samples", importance_samples)
    types.add_seed(parser)
    parser.add_argument(
        "--out",
        type=types.new_folder,
        default=".",
        help="folder to write the two sample grids in (default: the current one)",
    )


def run(arguments: argparse.Namespace) -> None:
    for preset in arguments.presets:
        _check(preset)
    arguments.preset = arguments.presets[0]  # its training data is the default
    data = models.check_data(arguments)
    pair = [models.load_model(preset) for preset in arguments.presets]
    from .. import metrics
    from ..data import draws

    for preset, model in zip(arguments.presets, pair, strict=True):
        _check_scores(preset, metrics.names_for(model))
    named = list(zip((Path(preset).name for preset in arguments.presets), pair, strict=True))
    with models.load_data(arguments, pair[0]) as dataset:
        models.check_shape(dataset, pair[1], data)
        count = int(dataset.cardinality())
        scores = [_score(model, dataset, arguments) for model in pair]
    part = draws.describe_draw(count, arguments.num_examples, arguments.seed, "images")
    rows = [("model", "bits/dim", "kind")]
    rows += [_row(name, model, score) for (name, model), score in zip(named, scores, strict=True)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    print(f"{data}, {arguments.split}, {part}")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number, (name, model) in enumerate(named, 1):
        path = arguments.out / f"samples-{number}-{name}.png"
        models.save_grid(model.sample(64, seed=arguments.seed), path)


def _check(preset: str) -> None:
    found = capabilities.of_preset(preset).require_images()
    _check_scores(preset, found.scores)
    if found.num_classes:
        raise ValueError(f"preset must be unconditional, got '{preset}' of {found.num_classes} classes.")


def _check_scores(preset: str, scores: Sequence[str]) -> None:
    if "bits_per_dim" not in scores:
        raise ValueError(f"preset must be scored in bits/dim, got '{preset}', which is not.")


def _score(model, dataset, arguments: argparse.Namespace) -> dict:
    from .. import metrics

    (score,) = metrics.evaluate(
        model,
        dataset,
        names=["bits_per_dim"],
        num_examples=arguments.num_examples,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        importance_samples=arguments.importance_samples,
    )
    return score


def _row(name: str, model, score: dict) -> tuple[str, str, str]:
    error = "" if score["standard_error"] is None else f" ± {score['standard_error']:.4f}"
    kind = "upper bound" if model.likelihood_kind == "bound" else "exact density of noisy pixels"
    return name, f"{score['value']:.4f}{error}", f"{kind} ({score['protocol']})"
