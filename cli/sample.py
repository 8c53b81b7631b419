"""Draw samples of a model, as a PNG grid."""

import argparse

from . import arguments as types
from . import models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument("--num", type=types.integer(1), default=64, help="how many (default %(default)s)")
    parser.add_argument(
        "--temperature",
        type=types.number(0),
        default=1.0,
        help="scale of the latents: below 1 likelier and less varied (default %(default)s)",
    )
    parser.add_argument(
        "--labels",
        type=types.integers,
        help="classes such as 0,1,2, repeated in turn, for a conditional model",
    )
    types.add_seed(parser)
    types.add_picture(parser, "samples.png")


def run(arguments: argparse.Namespace) -> None:
    model = models.load_model(arguments.preset)
    import numpy as np

    from ..zoo import pictures

    labels = None if arguments.labels is None else np.resize(arguments.labels, arguments.num)
    samples = model.sample(
        arguments.num, seed=arguments.seed, temperature=arguments.temperature, labels=labels
    )
    if len(model.event_shape) == 3:
        models.save_grid(samples, arguments.out)
    else:
        pictures.save_png(pictures.scatter(samples), arguments.out)
        print(f"{arguments.num} points in {arguments.out}")
