"""Interpolate between two images in latent space, as a row of images in a PNG, and as a GIF."""

import argparse

from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    for name in ("image_a", "image_b"):
        parser.add_argument(f"--{name}", help="image file, or index in the dataset")
    parser.add_argument(
        "--seeds",
        type=types.integers,
        help="for a GAN, which cannot encode images: seeds of two samples, such as 1,2",
    )
    types.add_dataset(parser, split="test")
    parser.add_argument(
        "--steps",
        type=types.integer(2, 10_000),
        default=8,
        help="number of images, including both ends (default %(default)s)",
    )
    parser.add_argument("--space", choices=["z", "w"], help="latent space of a StyleGAN (default w)")
    parser.add_argument("--truncation", type=types.number(0), help="truncation of a StyleGAN (default 1)")
    types.add_label(parser)
    types.add_picture(parser, "interpolation.png")
    parser.add_argument("--gif", type=types.new_file(".gif"), help="GIF to write in addition")


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require_images()
    options = preset.options(arguments, preset.model.methods["interpolate"], ("space", "truncation"))
    arguments.label = preset.class_number(arguments.label)
    between_images = preset.can("encode")
    (_check_images if between_images else _check_seeds)(arguments)
    model = models.load_model(arguments.preset)
    ends = _images(arguments, model) if between_images else _latents(arguments, model)
    images = model.interpolate(*ends, arguments.steps, labels=arguments.label, **options)
    models.save_grid(images, arguments.out, columns=arguments.steps)
    if arguments.gif:
        models.save_gif(images, arguments.gif)


def _check_images(arguments: argparse.Namespace) -> None:
    texts = arguments.image_a, arguments.image_b
    if None in texts or arguments.seeds:
        raise ValueError(f"image_a and image_b must be given for '{arguments.preset}', and no seeds.")
    capabilities.check_pictures([text for text in texts if not text.isdigit()])
    if any(text.isdigit() for text in texts):
        models.check_data(arguments)


def _check_seeds(arguments: argparse.Namespace) -> None:
    if arguments.image_a or arguments.image_b or len(arguments.seeds or []) != 2:
        raise ValueError(f"seeds must be two for '{arguments.preset}', which cannot encode images.")


def _images(arguments: argparse.Namespace, model) -> list:
    return [_image(arguments, model, text) for text in (arguments.image_a, arguments.image_b)]


def _latents(arguments: argparse.Namespace, model) -> list:
    from ..zoo import seeds

    return [seeds.normal(seeds.row_seeds(seed, 1), (model.latent_dim,))[0] for seed in arguments.seeds]


def _image(arguments: argparse.Namespace, model, text: str):
    from ..zoo import pictures

    if not text.isdigit():
        return pictures.load_image(text, model.event_shape)
    with models.load_data(arguments, model) as dataset:
        size = int(dataset.cardinality())
        if int(text) >= size:
            raise ValueError(f"images must have numbers below {size}, the size of the dataset, got {text}.")
        example = next(iter(dataset.skip(int(text))))
    return example[0].numpy() if isinstance(example, tuple) else example.numpy()
