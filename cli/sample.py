"""Draw samples from a model, as a PNG grid."""

import argparse
from collections.abc import Sequence
from typing import Any

from ..zoo import registry
from . import arguments as types
from . import capabilities, models

_MOST_COLUMNS = 20  # for a row with class names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument(
        "--num_samples",
        "--num",
        type=types.integer(1, 100_000),
        default=64,
        help="number of samples (default %(default)s)",
    )
    parser.add_argument(
        "--temperature",
        type=types.number(0),
        help="scale of the latents: below 1, samples are more likely and less diverse (default 1)",
    )
    parser.add_argument(
        "--truncation",
        type=types.number(0),
        help="truncation of a StyleGAN: below 1, samples are better and less diverse (default 1)",
    )
    parser.add_argument(
        "--labels",
        type=types.labels,
        help="numbers or names of classes, such as 0,1,2, repeated in rotation, for a conditional model "
        "(default: all)",
    )
    types.add_seed(parser)
    types.add_picture(parser, "samples.png")


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require("sample", "draw samples")
    options = preset.options(arguments, preset.sampling_options, ("temperature", "truncation"))
    arguments.labels = preset.class_numbers(arguments.labels)
    if not preset.has_images and preset.event_shape != (2,):
        shape = list(preset.event_shape)
        raise ValueError(
            f"preset must be of images or points of the plane, got '{arguments.preset}' of {shape}."
        )
    model = models.load_model(arguments.preset)
    import numpy as np

    labels = arguments.labels
    if labels is None and model.num_classes:
        labels = range(model.num_classes)
    repeated = None if labels is None else np.resize(labels, arguments.num_samples)
    models.note(f"drawing {arguments.num_samples} samples ...")
    samples = np.asarray(model.sample(arguments.num_samples, seed=arguments.seed, labels=repeated, **options))
    if model.has_images:
        captions = _captions(arguments, labels)
        columns = len(labels) if labels and captions else None
        models.save_grid(samples, arguments.out, columns, **captions)
        return
    from ..metrics import plots

    title = f"{arguments.num_samples} samples of {preset.short_name}, seed {arguments.seed}"
    plots.save_map(samples, repeated, arguments.out, title=title, axis="x")
    print(f"{arguments.num_samples} points in {arguments.out}")


def _captions(arguments: argparse.Namespace, labels: Sequence[int] | None) -> dict[str, Any]:
    """A named column per class, if the preset records names and a row has room for all labels."""
    names = registry.info(arguments.preset).get("classes") or []
    if labels is None or len(labels) > min(arguments.num_samples, _MOST_COLUMNS) or max(labels) >= len(names):
        return {}
    return {"column_names": [str(names[label]) for label in labels]}
