"""Reads untrusted image files safely as arrays: upright, with a model's channels and size.

All code that reads images uses this module, so a file yields the same pixels in training, evaluation and
serving. It does not use TensorFlow.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import ExifTags, Image

# Pillow reads more formats, some by starting other programs (EPS: Ghostscript), and some slowly.
_SUFFIXES_OF = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "ICO": (".ico",),
    "TGA": (".tga",),
    "PCX": (".pcx",),
    "SGI": (".sgi",),
    "QOI": (".qoi",),
}
FORMATS = tuple(_SUFFIXES_OF)
SUFFIXES = frozenset(suffix for suffixes in _SUFFIXES_OF.values() for suffix in suffixes)

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's names for images of so many channels

# Pillow decodes some formats in Python, at one or two microseconds per pixel.
_MAX_PIXELS_IN_PYTHON = 2**21
# A progressive JPEG may process its pixels many times, in scans of a few bytes.
_MAX_SCANNED_PIXELS = 2**31
# A header with a huge number of small parts, or an image of many strips, is read part by part, in Python.
_MAX_READS = 2**17

# RGBA images up to this size are resized in floating point, with 16 bytes per pixel.
_MAX_FLOATING_PIXELS = 2**24

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def check_image_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """Returns the shape of an image as a tuple.

    Raises:
        ValueError: it is not (height, width, channels), with 1, 3 or 4 channels.

    >>> check_image_shape([28, 28, 1])
    (28, 28, 1)
    """
    shape = tuple(image_shape)
    whole = all(isinstance(size, (int, np.integer)) and not isinstance(size, bool) for size in shape)
    if len(shape) != 3 or not whole or min(shape) < 1:
        raise ValueError(
            f"image_shape must be (height, width, channels), each at least 1, got {list(image_shape)}."
        )
    if shape[-1] not in MODES:
        raise ValueError(f"image_shape must have 1, 3 or 4 channels, got {list(image_shape)}.")
    if shape[0] * shape[1] > _max_pixels():
        raise ValueError(f"image_shape must have at most {_max_pixels():,} pixels, got {list(image_shape)}.")
    height, width, channels = (int(size) for size in shape)
    return height, width, channels


def load_image(path: str | os.PathLike, image_shape: Sequence[int]) -> np.ndarray:
    """Reads an image file as the input of a model: `read_image`, then `fit`.

    Args:
        path: path of a file in one of FORMATS, regardless of its name.
        image_shape: (height, width, channels), channels 1, 3 or 4.

    Returns:
        uint8 of shape `image_shape`.

    Raises:
        OSError: no such file, not an image, damaged, or too large.
        ValueError: invalid image_shape.
    """
    image_shape = check_image_shape(image_shape)
    try:
        return fit(read_image(path, image_shape[-1]), image_shape)
    except FileNotFoundError:
        raise FileNotFoundError(f"image file '{path}' does not exist.") from None
    except Exception as error:  # Pillow raises many types for damaged files
        raise OSError(f"image file '{path}' cannot be read: {reason(error)}") from None


def read_image(path: str | os.PathLike, channels: int) -> Image.Image:
    """Reads an image file, rotated by its EXIF data, `with_channels`; the first frame of an animation.

    Raises:
        Exception: as raised by Pillow, of many types for damaged files; `reason` describes it.
    """
    with open_image(path) as image:
        orientation = _orientation(image)
        _scale_transparency(image)
        image.load()
        if image.format != "TIFF" and orientation in _TURNS:  # Pillow itself rotates TIFF files
            image = image.transpose(_TURNS[orientation])
        return with_channels(image, channels)


def read_header(path: str | os.PathLike) -> tuple[tuple[int, int], bool]:
    """Reads the (height, width) of an image file, upright, and whether it has colors, but not its pixels.

    Raises:
        Exception: see `read_image`.
    """
    with open_image(path) as image:
        width, height = image.size
        # Pillow itself rotates TIFF files, and returns the rotated size.
        turned = image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8)
        is_gray = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
        return (width, height) if turned else (height, width), not is_gray


@contextlib.contextmanager
def open_image(path: str | os.PathLike) -> Iterator[Image.Image]:
    """Yields an image whose header has been read, and whose pixels are safe to decode.

    Raises:
        OSError: not a regular file (such as a pipe, which would block), or not an image in FORMATS.
        ValueError: the image is too large or too slow to decode.
    """
    with _CountedReader(io.FileIO(path, opener=_without_waiting)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a regular file.")
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.UnidentifiedImageError:
            raise OSError(f"cannot identify a format among {', '.join(FORMATS)}.") from None
        with image:
            _check_cost(image, file)
            yield image


def with_channels(image: Image.Image, channels: int) -> Image.Image:
    """Converts a Pillow image to gray (1 channel), RGB (3) or RGBA (4).

    With 4 channels, alpha is kept, or opaque if the image has none; with 1 and 3, transparent pixels are
    blended with white. Gray is Pillow's luminance. 16-bit values are reduced to their upper 8 bits; float
    pixels, as in some TIFF files, must be in [0, 1].

    >>> from PIL import Image
    >>> half_red = Image.new("RGBA", (1, 1), (255, 0, 0, 51))
    >>> with_channels(half_red, 3).getpixel((0, 0)), with_channels(half_red, 4).getpixel((0, 0))
    ((255, 204, 204), (255, 0, 0, 51))
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _in_eight_bits(image)
    if channels != 4 and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])


def fit(image: np.ndarray | Image.Image, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Center-crops an image to the aspect ratio of a shape, and resizes it (Lanczos).

    Converts between gray, RGB and RGBA according to the shape. An added alpha channel is opaque; if alpha is
    removed, transparent pixels are blended with white. Colors are averaged weighted by their opacity. The
    filter is that of StyleGAN's official dataset_tool.

    Args:
        image: [H, W, C], uint8 in [0, 255] or float32 in [0, 1], C 1, 3 or 4; or an 8-bit Pillow image.
        image_shape: (height, width, channels) of the result.

    Returns:
        float32 for float32, otherwise uint8, of shape `image_shape`.

    >>> import numpy as np
    >>> fit(np.uint8([[[255, 0, 0, 51]]]), (1, 1, 3)).tolist()
    [[[255, 204, 204]]]
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8:
            return _fit_floats(image, image_shape)
        image = as_image(image)
    height, width, channels = image_shape
    image = with_channels(image, channels)
    top, left, bottom, right = _central((image.height, image.width), (height, width))
    if (right - left, bottom - top) != image.size:
        image = image.crop((left, top, right, bottom))
    if image.size == (width, height):
        return _as_array(image)
    if channels == 4 and image.width * image.height <= _MAX_FLOATING_PIXELS:
        # Pillow's own weighting of colors by their opacity, in 8 bits, loses faint ones.
        floats = _resized(np.asarray(image, np.float32) / 255, (height, width))
        return np.rint(255 * floats).astype(np.uint8)
    return _as_array(image.resize((width, height), Image.Resampling.LANCZOS))


def as_image(picture: np.ndarray) -> Image.Image:
    """Converts a uint8 [H, W, C] picture, C 1, 3 or 4, to a Pillow image."""
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def reason(error: BaseException) -> str:
    """Returns why a file cannot be read, as the end of a sentence."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (" ".join(text.split())[:200] or type(error).__name__).rstrip(".") + "."


def _as_array(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)


class _CountedReader(io.BufferedReader):
    """A file that limits the number of reads, to stop readers that would never end."""

    _reads = 0

    def read(self, *size) -> bytes:
        self._reads += 1
        if self._reads > _MAX_READS:
            raise ValueError("it has too many parts.")
        return super().read(*size)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file without blocking if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _max_pixels() -> int:
    """Returns the size above which Pillow warns about decompression bombs."""
    return Image.MAX_IMAGE_PIXELS or 2**31


def _check_cost(image: Image.Image, file) -> None:
    pixels = image.width * image.height
    limit = _max_pixels()
    if _tiles(image) and _tiles(image)[0][0] in Image.DECODERS:
        limit = min(limit, _MAX_PIXELS_IN_PYTHON)
    if pixels > limit:
        raise ValueError(
            f"it has {image.width}x{image.height} pixels, more than the {limit:,} that are decoded."
        )
    if image.info.get("progressive"):
        place = file.tell()
        file.seek(0)
        scans = file.read().count(b"\xff\xda")
        file.seek(place)
        if scans * pixels > _MAX_SCANNED_PIXELS:
            raise ValueError(f"it has {scans} progressive scans, too many for its size.")


def _tiles(image: Image.Image) -> list:
    """Returns how the parts of an image file are decoded; empty if the image is not from a file."""
    return getattr(image, "tile", [])


def _orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation in the header, 1 to 8; 1 if the EXIF data is damaged."""
    try:
        # Not PNG's own method, which decodes the whole image to search after it.
        return Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # of many types
        return 1


def _scale_transparency(image: Image.Image) -> None:
    """Converts the transparent color of a PNG from the file's bit depth to Pillow's 8 bits."""
    clear = image.info.get("transparency")
    if image.format != "PNG" or clear is None or not _tiles(image):
        return
    bits = _tiles(image)[0][3]
    if bits == "1":
        image.info["transparency"] = 255 if clear else 0
    elif bits in ("L;2", "L;4"):
        image.info["transparency"] = clear * {"L;2": 85, "L;4": 17}[bits]
    elif bits == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Converts gray of 16 bits, 32 bits or floating point, which Pillow's own conversion would clip."""
    values = np.asarray(image)
    if image.mode == "F":
        if not (values >= 0).all() or not (values <= 1).all():
            raise ValueError(
                f"its floating pixels must be in [0, 1], got {values.min():g} to {values.max():g}."
            )
        return Image.fromarray(np.rint(255 * values).astype(np.uint8))
    gray = Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    if (clear := image.info.get("transparency")) is not None:
        gray.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return gray


def _fit_floats(image: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """`fit` for a float32 image in [0, 1]."""
    height, width, channels = image_shape
    size = (height, width)
    image = _recolored(image, channels)
    top, left, bottom, right = _central(image.shape[:2], size)
    image = image[top:bottom, left:right]
    return image if image.shape[:2] == size else _resized(image, size)


def _recolored(image: np.ndarray, channels: int) -> np.ndarray:
    """Converts the channels of a float image [H, W, C], as `with_channels` does."""
    if image.shape[-1] == channels:
        return image
    if image.shape[-1] == 4:
        image = 1 + image[..., 3:] * (image[..., :3] - 1)
    if channels == 1:
        return image @ np.array([[0.299], [0.587], [0.114]], image.dtype) if image.shape[-1] == 3 else image
    if image.shape[-1] == 1:
        image = image.repeat(3, axis=-1)
    return np.concatenate([image, np.ones_like(image[..., :1])], axis=-1) if channels == 4 else image


def _central(size: Sequence[int], wanted: Sequence[int]) -> tuple[int, int, int, int]:
    """Returns top, left, bottom and right of the center crop with the aspect ratio of `wanted`."""
    scale = min(have / want for have, want in zip(size, wanted, strict=True))
    cut = [max(1, round(scale * want)) for want in wanted]
    top, left = ((have - part) // 2 for have, part in zip(size, cut, strict=True))
    return top, left, top + cut[0], left + cut[1]


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes a float32 image [H, W, C] in [0, 1] to another (height, width)."""

    def resized(plane):
        return np.asarray(Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.LANCZOS))

    planes = np.moveaxis(image, -1, 0)
    if len(planes) == 4:
        # Transparent pixels do not contribute color.
        opacity = resized(planes[3])
        weight = np.where(opacity > 0, opacity, np.inf)
        planes = [*(resized(color * planes[3]) / weight for color in planes[:3]), opacity]
    else:
        planes = [resized(plane) for plane in planes]
    return np.stack(planes, axis=-1).clip(0, 1)
