"""Draw samples of a model, as a PNG grid."""

import argparse

from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument(
        "--num", type=types.integer(1, 100_000), default=64, help="how many (default %(default)s)"
    )
    parser.add_argument(
        "--temperature",
        type=types.number(0),
        help="scale of the latents: below 1 likelier and less varied (default 1)",
    )
    parser.add_argument(
        "--truncation",
        type=types.number(0),
        help="of a StyleGAN, the same in W: below 1 better and less varied (default 1)",
    )
    parser.add_argument(
        "--labels",
        type=types.integers,
        help="classes such as 0,1,2, repeated in turn, of a conditional model (default: all)",
    )
    types.add_seed(parser)
    types.add_picture(parser, "samples.png")


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require("sample", "draw samples")
    options = preset.options(arguments, "sample", ("temperature", "truncation"))
    preset.check_labels(arguments.labels)
    model = models.load_model(arguments.preset)
    import numpy as np

    from ..zoo import pictures

    labels = arguments.labels
    if labels is None and model.num_classes:
        labels = range(model.num_classes)
    labels = None if labels is None else np.resize(labels, arguments.num)
    samples = model.sample(arguments.num, seed=arguments.seed, labels=labels, **options)
    if len(model.event_shape) == 3:
        models.save_grid(samples, arguments.out)
    else:
        pictures.save_png(pictures.scatter(samples), arguments.out)
        print(f"{arguments.num} points in {arguments.out}")
