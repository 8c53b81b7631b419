"""Image grids, scatter plots, and PNG and GIF files."""

import itertools
import math
import os
from collections.abc import Sequence

import numpy as np

from . import folders
from .image_files import MODES, as_image, load_image, with_channels  # noqa: F401  load_image is public here

GAP = 2  # opaque white pixels between the images of a grid


def grid(images: np.ndarray, columns: int | None = None, zoom: int = 1) -> np.ndarray:
    """Arranges images in a grid, row by row, with a white gap around each.

    Args:
        images: [N, H, W, C], uint8 in [0, 255] or float in [0, 1]; C 1 (gray), 3 (RGB) or 4 (RGBA).
        columns: number of images per row; by default, the grid is about square.
        zoom: integer factor by which each image is enlarged.

    Returns:
        uint8 [rows * (H * zoom + 2) + 2, columns * (W * zoom + 2) + 2, C].

    Raises:
        ValueError: another shape, no images, or columns or zoom below 1.

    >>> import numpy as np
    >>> grid(np.zeros([6, 28, 28, 1], np.uint8), columns=3).shape
    (62, 92, 1)
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images) or images.shape[-1] not in MODES:
        raise ValueError(
            f"images must have shape [N, H, W, 1, 3 or 4] with N at least 1, got {list(images.shape)}."
        )
    if columns is None:
        columns = math.ceil(math.sqrt(len(images)))
    if columns < 1 or zoom < 1:
        raise ValueError(f"columns and zoom must be at least 1, got {columns} and {zoom}.")
    images = to_uint8(images).repeat(zoom, axis=1).repeat(zoom, axis=2)
    _, height, width, channels = images.shape
    rows = math.ceil(len(images) / columns)
    shape = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels)
    picture = np.full(shape, 255, np.uint8)
    for i, image in enumerate(images):
        top = GAP + (i // columns) * (height + GAP)
        left = GAP + (i % columns) * (width + GAP)
        picture[top : top + height, left : left + width] = image
    return picture


def scatter(points: np.ndarray, size: int = 512) -> np.ndarray:
    """Plots points of the plane, black on white, with the first coordinate to the right.

    Args:
        points: [N, 2], finite.
        size: pixels per side, at least 32; the points fill the picture, with the same scale on both axes.

    Returns:
        uint8 [size, size, 1].

    Raises:
        ValueError: another shape, no points, or values that are not finite.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points must have shape [N, 2], got {list(points.shape)}.")
    if not np.isfinite(points).all():
        raise ValueError("points must be finite, got NaN or infinity.")
    low, high = points.min(axis=0), points.max(axis=0)
    span = max((high - low).max(), 1e-12)
    places = np.rint(((points - (low + high) / 2) / span * 0.9 + 0.5) * (size - 1)).astype(int)
    picture = np.full([size, size, 1], 255, np.uint8)
    for dx, dy in itertools.product((-1, 0, 1), repeat=2):
        picture[size - 1 - places[:, 1] + dy, places[:, 0] + dx] = 0
    return picture


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Converts images in [0, 1] to bytes: the bin of each value, of 256, as in a flow's quantization."""
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    if not np.isfinite(images).all():
        raise ValueError("images must be finite, got NaN or infinity.")
    return np.floor(images.astype(np.float64) * 256).clip(0, 255).astype(np.uint8)


def save_png(picture: np.ndarray, path: str | os.PathLike) -> None:
    """Writes a uint8 [H, W, C] picture, C 1, 3 or 4. An existing file is replaced atomically."""
    with folders.replacing(path) as scratch:
        as_image(picture).save(scratch, format="PNG")


def save_gif(pictures: Sequence[np.ndarray], path: str | os.PathLike, seconds: float = 0.1) -> None:
    """Writes uint8 [H, W, C] pictures as a GIF that shows each for `seconds`, looping back and forth.

    RGBA pictures are blended with white, since pixels of a GIF cannot be partially transparent.
    """
    opaque = (as_image(picture) for picture in pictures)
    first, *others = (with_channels(image, 3) if image.mode == "RGBA" else image for image in opaque)
    with folders.replacing(path) as scratch:
        first.save(
            scratch,
            format="GIF",
            save_all=True,
            append_images=others + others[-2::-1],
            duration=round(1000 * seconds),
            loop=0,
        )
