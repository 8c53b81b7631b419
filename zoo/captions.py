"""Captions for grids of images: row names, column names and a title."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SIZE = 10  # font size, in pixels
LINE = 16  # height of a line of text
_SPACE = 4  # between text and picture
_WIDEST = 120  # maximum width of row names


def with_captions(
    picture: np.ndarray, row_names: Sequence[str] = (), column_names: Sequence[str] = (), title: str = ""
) -> np.ndarray:
    """Adds captions to a grid, black on white: column names above, row names to the left.

    Args:
        picture: uint8 [H, W, C], C 1, 3 or 4, with rows and columns of equal size, as from `pictures.grid`.
        row_names, column_names: one name each, or none if empty. Names that are too long are truncated.
        title: title of the grid; none if empty.

    Returns:
        uint8 [above + H, left + W, C], with `LINE` pixels above for column names and for the title.

    >>> with_captions(np.zeros([40, 80, 3], np.uint8), column_names=["a", "b"], title="letters").shape
    (72, 80, 3)
    """
    height, width, channels = picture.shape
    left = min(_WIDEST, max(map(_width, row_names))) + 2 * _SPACE if row_names else 0
    above = LINE * (bool(column_names) + bool(title))
    text = Image.new("L", (left + width, above + height), 255)
    draw = ImageDraw.Draw(text)
    if title:
        draw.text((_SPACE, LINE // 2), _cut(title, left + width), 0, _font(), anchor="lm")
    for number, name in enumerate(column_names):
        space = width / len(column_names)
        place = (left + (number + 0.5) * space, above - LINE // 2)
        draw.text(place, _cut(name, space), 0, _font(), anchor="mm")
    for number, name in enumerate(row_names):
        place = (left - _SPACE, above + (number + 0.5) * height / len(row_names))
        draw.text(place, _cut(name, left - _SPACE), 0, _font(), anchor="rm")
    captioned = np.repeat(np.asarray(text)[..., np.newaxis], channels, axis=2)
    if channels == 4:
        captioned[..., 3] = 255
    captioned[above:, left:] = picture
    return captioned


def _cut(text: str, width: float) -> str:
    """Returns the text, truncated with an ellipsis if it does not fit."""
    shown = text
    while shown and _width(shown) > width - 2:
        text = text[:-1]
        shown = f"{text}…" if text else ""
    return shown


def _width(text: str) -> float:
    return round(_font().getlength(text))


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    import matplotlib  # includes a font that supports many languages

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), _SIZE)
