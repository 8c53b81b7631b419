"""Walk between two images on a line in latent space, as a PNG row."""

import argparse

from . import arguments as types
from . import models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    for name in ("image_a", "image_b"):
        parser.add_argument(f"--{name}", required=True, help="an image file, or a number in the data set")
    types.add_dataset(parser, split="test")
    parser.add_argument(
        "--steps",
        type=types.integer(2),
        default=8,
        help="images in the row, both ends included (default %(default)s)",
    )
    types.add_label(parser)
    types.add_picture(parser, "interpolation.png")


def run(arguments: argparse.Namespace) -> None:
    model = models.load_image_model(arguments.preset)
    image_a, image_b = (_image(arguments, model, text) for text in (arguments.image_a, arguments.image_b))
    images = model.interpolate(image_a, image_b, arguments.steps, labels=arguments.label)
    models.save_grid(images, arguments.out, columns=arguments.steps)


def _image(arguments: argparse.Namespace, model, text: str):
    from ..zoo import pictures

    if not text.isdigit():
        return pictures.load_image(text, model.event_shape)
    with models.load_data(arguments, model) as dataset:
        size = int(dataset.cardinality())
        if int(text) >= size:
            raise ValueError(f"images must have numbers below {size}, the size of the data, got {text}.")
        example = next(iter(dataset.skip(int(text))))
    return example[0].numpy() if isinstance(example, tuple) else example.numpy()
