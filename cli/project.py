"""Project an image into the latent space of a StyleGAN: target and projection as a PNG, and w."""

import argparse

from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument(
        "image", type=types.possible_path, help="image file, cropped and resized to the model's size"
    )
    parser.add_argument(
        "--steps", type=types.integer(1), default=500, help="optimization steps (default %(default)s)"
    )
    parser.add_argument(
        "--space",
        choices=["w", "w+"],
        default="w",
        help="w: a more realistic image; w+: one w per layer, closer to the target (default %(default)s)",
    )
    types.add_label(parser)
    types.add_seed(parser)
    types.add_picture(parser, "projection.png")
    parser.add_argument(
        "--save_w", type=types.new_file(".npy"), help=".npy file to write w to, float32 [1, num_ws, w_dim]"
    )


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require_styles()
    arguments.label = preset.class_number(arguments.label)
    capabilities.check_pictures([arguments.image])
    model = models.load_model(arguments.preset)
    import numpy as np

    from ..zoo import folders, pictures

    target = pictures.load_image(arguments.image, model.event_shape)
    found = model.project(
        target, arguments.label, steps=arguments.steps, space=arguments.space, seed=arguments.seed
    )
    pair = np.stack([(target + 0.5) / 256, found.image])
    models.save_grid(pair, arguments.out, columns=2)
    if arguments.save_w:
        with folders.replacing(arguments.save_w) as scratch:
            np.save(scratch, found.w.numpy(), allow_pickle=False)
        print(f"w in {arguments.save_w}")
    print(f"perceptual distance: {found.distance:.4f}")
