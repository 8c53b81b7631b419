"""Image files of strangers to arrays: opened safely, turned upright, in a model's channels and size.

Everything that reads pictures reads them here, so a file gives the same pixels in training, scoring and
serving. There is no TensorFlow in it.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import ExifTags, Image

# Pillow reads more formats, some of them by starting other programs (EPS: Ghostscript), some slowly.
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

# Pillow decodes some formats in Python, a microsecond or two for each pixel.
_MAX_PIXELS_IN_PYTHON = 2**21
# A progressive JPEG may go over its pixels again and again in scans of a few bytes.
_MAX_SCANNED_PIXELS = 2**31
# A header of endless small parts, or an image of endless strips, is read part by part, in Python.
_MAX_READS = 2**17

# RGBA images up to this size are resized as floating-point numbers, of 16 bytes for each pixel.
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
    """The shape of an image as a tuple.

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
    """Reads an image file as a model's input: `read_image`, then `fit`.

    Args:
        path: of a file of one of FORMATS, whatever its name.
        image_shape: (height, width, channels), channels 1, 3 or 4.

    Returns:
        uint8 of shape `image_shape`.

    Raises:
        OSError: no such file, not an image, damaged, or too large.
        ValueError: image_shape is none.
    """
    image_shape = check_image_shape(image_shape)
    try:
        return fit(read_image(path, image_shape[-1]), image_shape)
    except FileNotFoundError:
        raise FileNotFoundError(f"image file '{path}' does not exist.") from None
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise OSError(f"image file '{path}' cannot be read: {reason(error)}") from None


def read_image(path: str | os.PathLike, channels: int) -> Image.Image:
    """An image file, upright as its EXIF data say, of an animation the first frame, `with_channels`.

    Raises:
        Exception: as Pillow does, of many kinds for damaged files; `reason` says why in words.
    """
    with open_image(path) as image:
        orientation = _orientation(image)
        _scale_transparency(image)
        image.load()
        if image.format != "TIFF" and orientation in _TURNS:  # Pillow turns TIFF itself
            image = image.transpose(_TURNS[orientation])
        return with_channels(image, channels)


def read_header(path: str | os.PathLike) -> tuple[tuple[int, int], bool]:
    """The (height, width) of an image file, upright, and whether it has colors, without its pixels.

    Raises:
        Exception: as `read_image`.
    """
    with open_image(path) as image:
        width, height = image.size
        # Pillow turns TIFF itself, and tells its size so.
        turned = image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8)
        is_gray = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
        return (width, height) if turned else (height, width), not is_gray


@contextlib.contextmanager
def open_image(path: str | os.PathLike) -> Iterator[Image.Image]:
    """An image whose header is read, and whose pixels are safe to decode.

    Raises:
        OSError: no regular file (such as a pipe, which would block), or not an image of FORMATS.
        ValueError: an image too large, or too slow, to decode.
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
    """An image of Pillow's in gray (1 channel), RGB (3) or RGBA (4).

    Alpha is kept for 4 channels, opaque where the image has none; for 1 and 3 what is transparent is
    laid on white, in proportion. Gray is Pillow's luminance. Of 16 bits the higher 8 are taken; floating
    pixels, as some TIFF files have them, must be in [0, 1].

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
    """Cuts an image to the proportions of a shape around its center, and resizes it (Lanczos).

    Gray becomes RGB or RGB gray, as the shape says. Alpha is opaque where there was none; what is
    transparent is laid on white where there is to be none. Colors are averaged by their opacity.
    The filter is that of the official dataset_tool of StyleGAN.

    Args:
        image: [H, W, C], uint8 in [0, 255] or float32 in [0, 1], C 1, 3 or 4; or Pillow's, of 8 bits.
        image_shape: (height, width, channels) of the result.

    Returns:
        float32 for float32, else uint8, of shape `image_shape`.

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
        # Pillow's own way to average colors by their opacity, in 8 bits, loses faint ones.
        floats = _resized(np.asarray(image, np.float32) / 255, (height, width))
        return np.rint(255 * floats).astype(np.uint8)
    return _as_array(image.resize((width, height), Image.Resampling.LANCZOS))


def as_image(picture: np.ndarray) -> Image.Image:
    """A uint8 [H, W, C] picture, C 1, 3 or 4, as Pillow's."""
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def reason(error: BaseException) -> str:
    """Why a file cannot be read, as the end of a sentence."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (" ".join(text.split())[:200] or type(error).__name__).rstrip(".") + "."


def _as_array(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)


class _CountedReader(io.BufferedReader):
    """A file that ends a reader which never does."""

    _reads = 0

    def read(self, *size) -> bytes:
        self._reads += 1
        if self._reads > _MAX_READS:
            raise ValueError("it has too many parts.")
        return super().read(*size)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file, and does not wait for the other end if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _max_pixels() -> int:
    """Where Pillow itself warns of images that are made to fill memory."""
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
    """How the parts of an image in a file are decoded; empty if it comes from elsewhere."""
    return getattr(image, "tile", [])


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation in the header, 1 to 8; 1 if the EXIF data are damaged."""
    try:
        # Not PNG's own method, which decodes the whole image to look behind it.
        return Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # of many kinds
        return 1


def _scale_transparency(image: Image.Image) -> None:
    """Brings the transparent color of a PNG, which has the file's bits, to the 8 that Pillow reads."""
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
    """Gray of 16 bits, 32 bits or floating point, which Pillow's own conversion clips."""
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
    """`fit` of a float32 image in [0, 1]."""
    height, width, channels = image_shape
    size = (height, width)
    image = _recolored(image, channels)
    top, left, bottom, right = _central(image.shape[:2], size)
    image = image[top:bottom, left:right]
    return image if image.shape[:2] == size else _resized(image, size)


def _recolored(image: np.ndarray, channels: int) -> np.ndarray:
    """A floating image [H, W, C] in other channels, as `with_channels`."""
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
    """The part around an image's center, of the proportions wanted: its top, left, bottom and right."""
    scale = min(have / want for have, want in zip(size, wanted, strict=True))
    cut = [max(1, round(scale * want)) for want in wanted]
    top, left = ((have - part) // 2 for have, part in zip(size, cut, strict=True))
    return top, left, top + cut[0], left + cut[1]


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A float32 image [H, W, C] in [0, 1] at another (height, width)."""

    def resized(plane):
        return np.asarray(Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.LANCZOS))

    planes = np.moveaxis(image, -1, 0)
    if len(planes) == 4:
        # What is transparent has no color to give.
        opacity = resized(planes[3])
        weight = np.where(opacity > 0, opacity, np.inf)
        planes = [*(resized(color * planes[3]) / weight for color in planes[:3]), opacity]
    else:
        planes = [resized(plane) for plane in planes]
    return np.stack(planes, axis=-1).clip(0, 1)
