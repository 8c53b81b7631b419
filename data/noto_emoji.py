"""The emoji of the font Noto Color Emoji, as small images: a builder for TensorFlow Datasets.

The font holds each emoji as a PNG of 136x128 pixels (in its tables CBDT and CBLC), of which 128x128
are used. Nothing is downloaded: every Linux distribution packages the font
(`fonts-noto-color-emoji` in Debian and Ubuntu). Its license is the SIL Open Font License 1.1.
"""

import dataclasses
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

FONT = "NotoColorEmoji.ttf"
FOLDERS = (
    "~/.local/share/fonts",
    "~/.fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "/usr/local/share/fonts",
    "/usr/share/fonts",
)


@dataclasses.dataclass
class EmojiConfig(tfds.core.BuilderConfig):
    """The size of the images, in pixels."""

    size: int = 32


class NotoEmoji(tfds.core.GeneratorBasedBuilder):
    """The dataset `noto_emoji`: 3,916 emoji in color on white, at 32x32, 64x64 or 128x128 pixels.

    Font version 2.042 has 3,926 bitmaps, of which 10 are duplicates and left out. There is only one
    split, `train`: most emoji come in variants of skin or hair, so no subset would be independent of
    the rest. The same font file always gives the same order.

    An example has an `image`, uint8 [size, size, 3]; the name of its `glyph` in the font; and the
    `emoji` itself as text: its characters, in an order that the font accepts (for many it accepts
    two), empty for a glyph that no text produces.

    Args:
      font: the font file. By default, NotoColorEmoji.ttf is searched for where fonts are installed.

    Raises (in `download_and_prepare`):
      FileNotFoundError: the font was not found.
      ImportError: fontTools is not installed (`pip install fonttools`).
      ValueError: the file is not a font, or has no bitmaps.

    ```python
    builder = tfds.builder("noto_emoji/64x64", font="NotoColorEmoji.ttf")  # or "noto_emoji": 32x32
    builder.download_and_prepare()
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        EmojiConfig(name=f"{size}x{size}", description=f"{size}x{size} pixels", size=size)
        for size in (32, 64, 128)
    ]

    def __init__(self, *, font: str | os.PathLike | None = None, **kwargs):
        self._font = font
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.size
        return tfds.core.DatasetInfo(
            builder=self,
            description="The emoji of the font Noto Color Emoji, on white.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(size, size, 3), encoding_format="png"),
                    "glyph": tfds.features.Text(),
                    "emoji": tfds.features.Text(),
                }
            ),
            homepage="https://github.com/googlefonts/noto-emoji",
            license="SIL Open Font License 1.1",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        font = find_font() if self._font is None else Path(self._font)
        return {"train": self._generate_examples(font)}

    def _generate_examples(self, font: Path) -> Iterator[tuple[str, dict]]:
        seen = set()
        for glyph, emoji, bitmap in bitmaps(font):
            image = draw(bitmap, self.builder_config.size)
            if image.tobytes() not in seen:
                seen.add(image.tobytes())
                yield glyph, {"image": image, "glyph": glyph, "emoji": emoji}


def find_font() -> Path:
    """Returns the first NotoColorEmoji.ttf in the font folders of the user and the system.

    Raises:
      FileNotFoundError: there is none.
    """
    for folder in FOLDERS:
        found = sorted(Path(folder).expanduser().rglob(FONT))
        if found:
            return found[0]
    raise FileNotFoundError(
        f"{FONT} must be installed (Debian and Ubuntu: apt-get install fonts-noto-color-emoji) "
        f"or put into {FOLDERS[0]}"
    )


def bitmaps(font: str | os.PathLike) -> Iterator[tuple[str, str, Image.Image]]:
    """Yields the name, text and bitmap of each glyph that has a bitmap, in the order of the font's table.

    Raises:
      ImportError: fontTools is not installed.
      ValueError: the file is not a font, or has no bitmaps.
    """
    try:
        from fontTools.ttLib import TTFont, TTLibError
    except ImportError:
        raise ImportError("fontTools must be installed: pip install fonttools") from None
    try:
        opened = TTFont(font, lazy=True)
    except TTLibError as error:
        raise ValueError(f"font '{font}' cannot be read: {error}") from None
    with opened:
        if "CBDT" not in opened or "CBLC" not in opened:
            raise ValueError(f"font '{font}' must have bitmaps (tables CBDT and CBLC), and has none.")
        texts = _texts(opened)
        strikes = zip(opened["CBLC"].strikes, opened["CBDT"].strikeData, strict=True)
        _, largest = max(strikes, key=lambda strike: strike[0].bitmapSizeTable.ppemX)
        for glyph, data in largest.items():
            yield glyph, texts.get(glyph, ""), Image.open(io.BytesIO(data.imageData), formats=["PNG"])


def draw(bitmap: Image.Image, size: int) -> np.ndarray:
    """Draws a bitmap on white, centered in a square, and shrinks it: uint8 [size, size, 3].

    The square is as high as the bitmap, which crops the font's 4 empty columns on either side. If
    `size` divides the height, each pixel is the mean of the pixels it replaces.
    """
    bitmap = bitmap.convert("RGBA")
    side = bitmap.height
    canvas = Image.new("RGBA", (side, side), "white")
    left = (bitmap.width - side) // 2
    canvas.alpha_composite(bitmap.crop((left, 0, left + side, side)))
    return np.asarray(canvas.convert("RGB").resize((size, size), Image.Resampling.BOX))


def _texts(font) -> dict[str, str]:
    """The text of each glyph: one character, or the characters that its ligature replaces."""
    texts = {glyph: chr(code) for code, glyph in sorted(font.getBestCmap().items(), reverse=True)}
    if "GSUB" not in font:
        return texts
    substitutions = font["GSUB"].table.LookupList.Lookup
    parts = {
        ligature.LigGlyph: [first, *ligature.Component]
        for lookup in substitutions
        for table in lookup.SubTable
        if table.LookupType == 4
        for first, ligatures in table.ligatures.items()
        for ligature in ligatures
    }

    def text(glyph: str) -> str:
        if glyph in texts or glyph not in parts:
            return texts.get(glyph, "")
        of_parts = [text(part) for part in parts[glyph]]
        return "".join(of_parts) if all(of_parts) else ""

    return texts | {glyph: text(glyph) for glyph in parts}
