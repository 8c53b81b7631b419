"""Encode images and decode their latents: a PNG grid of originals and reconstructions."""

import argparse
from pathlib import Path

from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    types.add_dataset(parser, split="test")
    parser.add_argument(
        "--images",
        nargs="+",
        type=Path,
        help="image files instead of a dataset, cropped and resized to the model's size",
    )
    parser.add_argument(
        "--num_examples",
        "--num",
        type=types.integer(1),
        default=32,
        help="number of images, drawn from the dataset with the seed (default %(default)s)",
    )
    types.add_label(parser)
    types.add_seed(parser)
    types.add_picture(parser, "reconstructions.png")


def run(arguments: argparse.Namespace) -> None:
    if arguments.images and arguments.dataset:
        raise ValueError("images and dataset must not be given together.")
    preset = capabilities.of_preset(arguments.preset).require_images()
    preset.require("reconstruct", "encode images to reconstruct them")
    arguments.label = preset.class_number(arguments.label)
    if arguments.images:
        capabilities.check_pictures(arguments.images)
    else:
        models.check_data(arguments)
    model = models.load_model(arguments.preset)
    import numpy as np

    from ..data.draws import draw
    from ..zoo import pictures

    if arguments.images:
        shape, labels = model.event_shape, None
        if arguments.label is not None:
            labels = np.full(len(arguments.images), arguments.label)
        images = np.stack([pictures.load_image(path, shape) for path in arguments.images])
    else:
        with models.load_data(arguments, model) as dataset:
            batch = next(
                iter(draw(dataset, arguments.num_examples, arguments.seed).batch(arguments.num_examples))
            )
        images, labels = batch if isinstance(batch, tuple) else (batch, None)
        images = np.asarray(images)
    reconstructions = np.asarray(model.reconstruct(images, labels=labels))
    pairs = np.stack([_as_floats(images), reconstructions], axis=1)
    error = np.abs(pairs[:, 0] - pairs[:, 1]).max()
    columns = 2 * min(len(pairs), 4)
    models.save_grid(pairs.reshape(-1, *model.event_shape), arguments.out, columns)
    print(f"largest error of a pixel: {error:.2g} (of 1)")


def _as_floats(images):
    """Pixels as models see them: a byte is at the center of its bin."""
    return (images + 0.5) / 256 if images.dtype == "uint8" else images
