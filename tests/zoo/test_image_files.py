"""Image files: the same pixels whatever the format says, nothing unsafe decoded."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from latentzoo.zoo import image_files


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_what_is_transparent_lends_no_colour_when_images_shrink(dtype):
    image = np.zeros([4, 4, 4])
    image[:, 1::2] = [0.2, 0.6, 1.0, 0.8]  # and black between, which is transparent
    image = np.rint(255 * image).astype(np.uint8) if dtype == np.uint8 else image.astype(dtype)
    small = image_files.fit(image, (2, 2, 4))
    assert small.dtype == dtype
    np.testing.assert_allclose(small[..., :3], np.broadcast_to(image[0, 1, :3], [2, 2, 3]), rtol=1e-6)
    alpha = image_files.fit(image[..., 3:], (2, 2, 1))
    np.testing.assert_allclose(small[..., 3:], alpha, rtol=1e-6)


def lanczos(size, wanted):
    """The matrix [wanted, size] that shrinks a row: a windowed sinc of 3 lobes, cut off at the border."""
    scale = size / wanted
    distance = (np.arange(size) + 0.5 - scale * (np.arange(wanted)[:, None] + 0.5)) / scale
    weights = np.sinc(distance) * np.sinc(distance / 3) * (np.abs(distance) < 3)
    return weights / weights.sum(axis=1, keepdims=True)


def test_images_shrink_by_the_lanczos_filter():
    images = np.random.default_rng(0).integers(
        60, 196, [4, 4, 6, 3], np.uint8
    )  # nothing is cut off at 0 or 255
    for image, bound in (
        (images, 1.01),
        ((images / 255).astype(np.float32), 1e-5),
    ):  # bytes are rounded twice
        half = np.stack([image_files.fit(each, (2, 3, 3)) for each in image])
        assert half.dtype == image.dtype
        expected = np.einsum("ip,jq,npqc->nijc", lanczos(4, 2), lanczos(6, 3), image.astype(np.float64))
        assert np.abs(half - expected).max() <= bound


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_extreme_shapes_are_fitted(dtype, shape, channels):
    image = np.full([*shape, 3], 1 if dtype == np.float32 else 77, dtype)
    fitted = image_files.fit(image, (32, 8, channels))
    assert fitted.dtype == dtype and fitted.shape == (32, 8, channels)
    np.testing.assert_allclose(fitted[..., : min(channels, 3)], image[0, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(
    "shape", [(8, 8), (0, 8, 1), (-1, 8, 1), (8, 8, 2), (8, 8, 7), (8, 8, 1, 1), (8.0, 8, 1)]
)
def test_what_is_no_shape_of_images_is_refused(shape):
    with pytest.raises(ValueError, match="image_shape must "):
        image_files.check_image_shape(shape)


# What formats say of their pixels


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_files_are_turned_upright(tmp_path, suffix, orientation):
    upright = np.zeros([16, 32], np.uint8)
    upright[:8, :8] = 255  # the corner that is turned and flipped
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions
    image = Image.fromarray(upright)
    stored = image if orientation == 1 else image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    stored.convert("RGB").save(path, exif=exif)
    assert image_files.read_header(path) == ((16, 32), True)
    assert np.abs(image_files.load_image(path, (16, 32, 1))[..., 0].astype(int) - upright).mean() < 4


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(size, bits, kind, rows, *chunks):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0))
    body = b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + body


@pytest.mark.parametrize(
    "bits, row, clear, pixels",
    [
        (1, b"\x40", 1, [(0, 255), (255, 0)]),
        (2, b"\x90", 2, [(170, 0), (85, 255)]),
        (4, b"\x59", 5, [(85, 0), (153, 255)]),
        (8, b"\x05\x09", 5, [(5, 0), (9, 255)]),
        (16, b"\x12\x34\x12\x35", 0x1234, [(0x12, 0), (0x12, 255)]),
    ],
)
def test_the_transparent_grey_of_a_png_is_clear_at_every_depth(tmp_path, bits, row, clear, pixels):
    path = tmp_path / "a.png"
    path.write_bytes(png((2, 1), bits, 0, b"\0" + row, chunk(b"tRNS", struct.pack(">H", clear))))
    read = image_files.load_image(path, (1, 2, 4))[0]
    assert [(int(pixel[0]), int(pixel[3])) for pixel in read] == pixels
    on_white = [255 if alpha == 0 else grey for grey, alpha in pixels]
    assert image_files.load_image(path, (1, 2, 1)).ravel().tolist() == on_white


def test_the_transparent_colour_of_16_bits_is_clear(tmp_path):
    row = struct.pack(">6H", 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000)
    path = tmp_path / "a.png"
    path.write_bytes(png((2, 1), 16, 2, b"\0" + row, chunk(b"tRNS", row[:6])))
    read = image_files.load_image(path, (1, 2, 4))[0]
    assert read.tolist() == [[0x10, 0x20, 0x30, 0], [0x40, 0x50, 0x60, 255]]


@pytest.mark.parametrize(
    "values, read",
    [
        (np.array([[0, 0x8000, 0xFFFF]], np.uint16), [0, 128, 255]),
        (np.array([[-5, 0x8000, 70_000]], np.int32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
    ],
)
def test_deep_grey_keeps_its_range(tmp_path, values, read):
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert image_files.load_image(tmp_path / "a.tif", (1, 3, 1)).ravel().tolist() == read


def test_floating_pixels_out_of_range_are_refused(tmp_path):
    Image.fromarray(np.float32([[0, 255]])).save(tmp_path / "a.tif")
    with pytest.raises(
        OSError, match=r"a.tif' cannot be read: its floating pixels must be in \[0, 1\], got 0 to 255"
    ):
        image_files.load_image(tmp_path / "a.tif", (1, 2, 1))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_damaged_exif_data_leave_an_image_as_it_is(tmp_path):
    Image.new("L", (4, 2), 9).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert image_files.load_image(tmp_path / "a.jpg", (2, 4, 1)).max() == 9


# What is not decoded


def eps(path):
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n" + bytes(20)


def progressive(path):
    Image.new("L", (2000, 2000)).save(path, format="JPEG", progressive=True)
    content = path.read_bytes()
    scan = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + 1000 * scan + content[-2:]


REFUSED = {
    "EPS": (eps, "cannot identify a format among PNG, "),
    "empty": (lambda path: b"", "cannot identify a format among PNG, "),
    "50,000x50,000": (lambda path: png((50_000, 50_000), 8, 0, b""), "pixels"),
    "9,500x9,500": (lambda path: png((9_500, 9_500), 8, 0, b""), "it has 9500x9500 pixels, more than the "),
    "decoded in Python": (lambda path: b"P3 2000 2000 255\n", "2000x2000 pixels, more than the 2,097,152"),
    "many scans": (progressive, "it has 10[0-9][0-9] progressive scans, too many for its size."),
    "many markers": (lambda path: b"\xff\xd8" + 2**17 * b"\xff\xe9\0\2", "it has too many parts."),
    "truncated": (lambda path: png((50, 50), 8, 0, bytes(99)), "truncated"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("content, message", REFUSED.values(), ids=REFUSED)
def test_what_is_unsafe_or_damaged_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "a.png"
    path.write_bytes(content(path))
    with pytest.raises(OSError, match=f"^image file '.*a.png' cannot be read: .*{message}.*"):
        image_files.load_image(path, (8, 8, 1))


def test_pipes_devices_and_folders_are_no_image_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/null", tmp_path):
        with pytest.raises(OSError, match="cannot be read: (it is not a regular file|Is a directory)."):
            image_files.load_image(path, (8, 8, 1))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_mutated_file_raises_anything_but_a_sentence(tmp_path):
    random = np.random.default_rng(0)
    pixels = Image.fromarray(random.integers(0, 256, [6, 7, 3], np.uint8))
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "ICO", "TGA", "PCX", "SGI"):
        whole = io.BytesIO()
        pixels.save(whole, kind)
        path = tmp_path / "a"
        for _ in range(15):
            content = bytearray(whole.getvalue())
            for place in random.integers(0, len(content), 3):
                content[place] = random.integers(256)
            path.write_bytes(content[: random.integers(1, len(content) + 1)])
            try:
                image_files.load_image(path, (4, 4, 3))
            except OSError as error:
                assert str(error).startswith(f"image file '{path}' cannot be read: ")
