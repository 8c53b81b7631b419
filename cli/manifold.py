"""Decode a grid of points in a two-dimensional latent space, as a PNG."""

import argparse

from . import arguments as types
from . import capabilities, models

# The grid lines are evenly spaced quantiles of the latents of so many images: closer where latents are dense.
_IMAGES = 2000
_QUANTILES = (0.01, 0.99)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    types.add_dataset(parser, split="test")
    parser.add_argument(
        "--num", type=types.integer(2, 200), default=20, help="images per side (default %(default)s)"
    )
    types.add_label(parser)
    types.add_picture(parser, "manifold.png")


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require_images()
    if preset.latent_dim != 2:
        raise ValueError(
            f"preset must have 2 latent dimensions for a manifold, got '{arguments.preset}' "
            f"of {preset.latent_dim}."
        )
    preset.require("encode", "encode images")
    arguments.label = preset.class_number(arguments.label)
    models.check_data(arguments)
    model = models.load_model(arguments.preset)
    import numpy as np

    from ..data.draws import draw

    with models.load_data(arguments, model) as dataset:
        images = next(iter(draw(dataset, _IMAGES, seed=0).batch(_IMAGES)))
    images, labels = images if isinstance(images, tuple) else (images, None)
    latents = np.asarray(model.encode(images, labels=labels))
    across, up = np.quantile(latents, np.linspace(*_QUANTILES, arguments.num), axis=0).T
    points = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2).astype(np.float32)
    models.save_grid(
        model.decode(points, arguments.label),
        arguments.out,
        arguments.num,
        row_names=[f"{value:.2g}" for value in up[::-1]],
        column_names=[f"{value:.2g}" for value in across],
        title=f"{preset.short_name}: first latent across, second up",
    )
