"""Mix the styles of samples of a StyleGAN: each row's image with each column's styles, as a PNG grid."""

import argparse

from . import arguments as types
from . import capabilities, models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    parser.add_argument(
        "--rows",
        type=types.integers,
        default=[0, 1, 2, 3],
        help="seeds of the images of the rows (default 0,1,2,3)",
    )
    parser.add_argument(
        "--columns",
        type=types.integers,
        default=[4, 5, 6, 7, 8],
        help="seeds of the images of the columns (default 4,5,6,7,8)",
    )
    parser.add_argument(
        "--styles",
        default="coarse",
        help="styles taken from the columns: coarse (resolutions 4 to 8), middle (16 to 32), fine (64 and "
        "up), resolutions such as 8,16, or the index of the first style (default %(default)s)",
    )
    parser.add_argument("--truncation", type=types.number(0), default=1.0, help="truncation psi (default 1)")
    types.add_label(parser)
    types.add_picture(parser, "mix.png")


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require_styles()
    arguments.label = preset.class_number(arguments.label)
    model = models.load_model(arguments.preset)
    import numpy as np

    from ..zoo import seeds

    numbers = [*arguments.rows, *arguments.columns]
    rows = np.stack([numbers, np.zeros_like(numbers)], axis=1)
    labels = None if arguments.label is None else np.full(len(numbers), arguments.label)
    w = model.mapping(seeds.normal(rows, (model.latent_dim,)), labels, arguments.truncation)
    w_rows, w_columns = np.split(w, [len(arguments.rows)])
    styles = _styles(arguments.styles)
    mixed = [model.style_mix(np.repeat(row[None], len(w_columns), 0), w_columns, styles) for row in w_rows]
    plain = np.asarray(model.synthesis(w, noise="const"))
    of_rows, of_columns = np.split(plain, [len(arguments.rows)])
    cells = [np.ones_like(plain[:1]), of_columns]
    for image, row in zip(of_rows, mixed, strict=True):
        cells += [image[None], np.asarray(model.synthesis(row, noise="const"))]
    models.save_grid(np.concatenate(cells), arguments.out, columns=len(arguments.columns) + 1)


def _styles(text: str) -> int | str | list[int]:
    if text.isdigit():
        return int(text)
    parts = text.split(",")
    return [int(part) for part in parts] if all(part.isdigit() for part in parts) else text
