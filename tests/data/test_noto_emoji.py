"""The builder of emoji, on a font of four glyphs made here."""

import functools
import io
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.BitmapGlyphMetrics import SmallGlyphMetrics
from fontTools.ttLib.tables.C_B_D_T_ import cbdt_bitmap_format_17
from fontTools.ttLib.tables.E_B_L_C_ import BitmapSizeTable, SbitLineMetrics, Strike, eblc_index_sub_table_1
from PIL import Image

from latentzoo.data import loading as data
from latentzoo.data import noto_emoji
from latentzoo.data.noto_emoji import NotoEmoji, draw

CHARACTERS = {"sun": "☀", "tree": "🌲", "fir": "🎄", "joiner": "\u200d"}
GLYPHS = [".notdef", "sun", "tree", "fir", "joiner", "forest"]
LIGATURE = "feature ccmp { sub tree joiner tree by forest; } ccmp;"


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def font_of(bitmaps, path):
    """Writes a font with these PNG files as its glyphs' bitmaps, as Noto Color Emoji has them."""
    builder = FontBuilder(128, isTTF=True)
    builder.setupGlyphOrder(GLYPHS)
    builder.setupCharacterMap({ord(character): name for name, character in CHARACTERS.items()})
    builder.setupHorizontalMetrics(dict.fromkeys(GLYPHS, (136, 0)))
    builder.setupHorizontalHeader()
    builder.setupPost()
    font = builder.font
    addOpenTypeFeaturesFromString(font, LIGATURE)
    metrics = SmallGlyphMetrics()
    for name, value in {"height": 128, "width": 136, "BearingX": 0, "BearingY": 101, "Advance": 136}.items():
        setattr(metrics, name, value)
    strike, index, size = Strike(), eblc_index_sub_table_1(b"", font), BitmapSizeTable()
    glyphs = {}
    for name, file in bitmaps.items():
        glyphs[name] = cbdt_bitmap_format_17(b"", font)
        glyphs[name].metrics, glyphs[name].imageData = metrics, file
    line = SbitLineMetrics()
    for field in ("ascender", "descender", "widthMax", "caretSlopeNumerator", "caretSlopeDenominator"):
        setattr(line, field, 0)
    for field in ("caretOffset", "minOriginSB", "minAdvanceSB", "maxBeforeBL", "minAfterBL", "pad1", "pad2"):
        setattr(line, field, 0)
    size.hori = size.vert = line
    size.colorRef, size.ppemX, size.ppemY, size.bitDepth, size.flags = 0, 109, 109, 32, 1
    index.names, index.indexFormat, index.imageFormat = list(glyphs), 1, 17
    strike.bitmapSizeTable, strike.indexSubTables = size, [index]
    font["CBLC"], font["CBDT"] = newTable("CBLC"), newTable("CBDT")
    font["CBLC"].version = font["CBDT"].version = 3.0
    font["CBLC"].strikes, font["CBDT"].strikeData = [strike], [glyphs]
    font.save(path)


@pytest.fixture(scope="module")
def pixels():
    """RGBA bitmaps [128, 136, 4], blocks of 4x4 pixels, with 4 empty columns on either side."""
    blocks = np.random.default_rng(0).integers(0, 256, [3, 32, 32, 4], np.uint8)
    bitmaps = np.zeros([3, 128, 136, 4], np.uint8)
    bitmaps[:, :, 4:132] = blocks.repeat(4, axis=1).repeat(4, axis=2)
    return bitmaps


@pytest.fixture(scope="module")
def font(pixels, tmp_path_factory):
    path = tmp_path_factory.mktemp("fonts") / "NotoColorEmoji.ttf"
    sun, tree, forest = (png(bitmap) for bitmap in pixels)
    font_of({"sun": sun, "tree": tree, "fir": tree, "forest": forest}, path)
    return path


@pytest.fixture
def only_here(tmp_path, monkeypatch):
    """TensorFlow Datasets and the search for fonts kept to folders of the test."""
    monkeypatch.setattr(tfds, "builder", functools.partial(tfds.builder, data_dir=tmp_path / "datasets"))
    monkeypatch.setattr(noto_emoji, "FOLDERS", (str(tmp_path / "fonts"),))
    return tmp_path


def on_white(bitmap):
    """The blocks of a bitmap on white, each as one pixel."""
    blocks = bitmap[::4, 4:132:4].astype(np.float64)
    opacity = blocks[..., 3:] / 255
    return blocks[..., :3] * opacity + 255 * (1 - opacity)


def test_each_emoji_is_drawn_once_on_white_with_its_text(font, pixels, tmp_path):
    builder = NotoEmoji(font=font, data_dir=tmp_path)
    builder.download_and_prepare()
    examples = list(tfds.as_numpy(builder.as_dataset(split="train")))
    assert sorted(example["glyph"] for example in examples) == [b"forest", b"sun", b"tree"]  # fir equals tree
    expected = dict(zip(["sun", "tree", "forest"], pixels, strict=True))
    texts = {"sun": "☀", "tree": "🌲", "forest": "🌲\u200d🌲"}
    for example in examples:
        glyph = example["glyph"].decode()
        assert example["emoji"].decode() == texts[glyph]
        np.testing.assert_allclose(example["image"], on_white(expected[glyph]), atol=1)


def test_a_pixel_is_the_mean_of_those_it_takes_the_place_of(pixels):
    bitmap = pixels[0].copy()
    bitmap[..., 3] = 255
    image = draw(Image.fromarray(bitmap), 64).astype(float)
    means = bitmap[:, 4:132, :3].reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(image, means, atol=0.51)


def test_the_name_finds_the_installed_font_and_keeps_its_order(font, only_here):
    folder = only_here / "fonts" / "truetype"
    folder.mkdir(parents=True)
    (folder / font.name).write_bytes(font.read_bytes())
    first, again = (list(data.source("noto_emoji").dataset().as_numpy_iterator()) for _ in range(2))
    assert len(first) == 3 and first[0].shape == (32, 32, 3)
    np.testing.assert_array_equal(first, again)
    assert data.source("noto_emoji/64x64").element_spec.shape == (64, 64, 3)


def test_without_the_font_it_is_said_where_it_comes_from(only_here):
    message = "noto_emoji' cannot be prepared: NotoColorEmoji.ttf must be installed .*apt-get install"
    with pytest.raises(OSError, match=message):
        data.source("noto_emoji")


def test_without_fonttools_it_is_said_how_to_install_it(font, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fontTools.ttLib", None)
    with pytest.raises(ImportError, match=r"pip install fonttools"):
        NotoEmoji(font=font, data_dir=tmp_path).download_and_prepare()


def test_fonts_without_bitmaps_and_files_that_are_none_are_refused(tmp_path):
    builder = FontBuilder(128, isTTF=True)
    builder.setupGlyphOrder(GLYPHS)
    builder.font.save(tmp_path / "plain.ttf")
    with pytest.raises(ValueError, match="plain.ttf' must have bitmaps .tables CBDT and CBLC."):
        NotoEmoji(font=tmp_path / "plain.ttf", data_dir=tmp_path).download_and_prepare()
    (tmp_path / "text.ttf").write_text("no font")
    with pytest.raises(ValueError, match="text.ttf' cannot be read: "):
        NotoEmoji(font=tmp_path / "text.ttf", data_dir=tmp_path).download_and_prepare()
