"""Names beside the rows and columns of a grid of images, and a title above."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SIZE = 10  # of the letters, in pixels
LINE = 16  # height of a line of text
_SPACE = 4  # between text and picture
_WIDEST = 120  # of the names of rows


def with_captions(
    picture: np.ndarray, row_names: Sequence[str] = (), column_names: Sequence[str] = (), title: str = ""
) -> np.ndarray:
    """A grid with text around it, black on white: columns' names above, rows' names to the left.

    Args:
        picture: uint8 [H, W, C], C 1, 3 or 4: rows and columns of equal size, as `pictures.grid` makes.
        row_names, column_names: a name for each; none if empty. What is too long for its place is cut.
        title: of the whole; none if empty.

    Returns:
        uint8 [above + H, left + W, C]; `LINE` pixels above for the names, and for the title.

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
    """The text, or as much of it as has room, with an ellipsis."""
    shown = text
    while shown and _width(shown) > width - 2:
        text = text[:-1]
        shown = f"{text}…" if text else ""
    return shown


def _width(text: str) -> float:
    return round(_font().getlength(text))


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    import matplotlib  # it brings a font with the letters of many languages

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), _SIZE)
