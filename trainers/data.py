"""Data sets as `tf.data`: by name from TensorFlow Datasets, from folders, files and arrays.

A data set here is finite, unbatched, and always in the same order: what shuffles, repeats and
batches it is the training. Its elements are images, uint8 [H, W, C] (or float32 in [0, 1]), or
vectors, float32 [D], or pairs of one of these and its label, an int64 scalar.
"""

import os
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image, UnidentifiedImageError

from ..zoo.registry import suggest

SUFFIXES = {".png", ".jpg", ".jpeg"}


def load(
    source: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> tf.data.Dataset:
    """A data set by name or path.

    Args:
        source: `two_moons`, the name of an image set of TensorFlow Datasets, a folder of images
            (see `from_folder`), or an .npz file with arrays x_train, y_train, x_test and y_test
            (the y only if labels are asked for).
        split: `train`, `test`, or what TensorFlow Datasets takes, such as `train[:90%]`.
        image_shape: (height, width, channels). Images of another size are cut to these proportions
            around their centre and resized. By default nothing is, and all must have one size.
        labels: whether the elements are pairs with labels.

    Raises:
        ValueError: an unknown name (the message says the nearest ones) or split, no labels, no
            images, images of several sizes.
        OSError: files that cannot be read or downloaded.

    >>> points = load("two_moons", split="test")
    >>> points.element_spec
    TensorSpec(shape=(2,), dtype=tf.float32, name=None)
    """
    path = Path(source)
    if path.is_dir():
        return from_folder(path, split, image_shape, labels)
    if path.suffix == ".npz":
        return from_npz(path, split, image_shape, labels)
    if source == "two_moons":
        points, moons = two_moons(split)
        return from_arrays(points, moons if labels else None)
    return from_tfds(str(source), split, image_shape, labels)


def from_tfds(
    name: str,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> tf.data.Dataset:
    """An image set of TensorFlow Datasets, downloaded if it is not there. See `load`."""
    try:
        builder = tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError):
        known = ["two_moons", *tfds.list_builders(with_community_datasets=False)]
        raise ValueError(
            f"dataset must be a folder of images, an .npz file, or a set of TensorFlow Datasets, "
            f"got '{name}': {suggest(name, known)}"
        ) from None
    features = builder.info.features
    if "image" not in features or (labels and "label" not in features):
        wanted = "images and labels" if labels else "images"
        raise ValueError(f"dataset must have {wanted}, got '{name}' with {', '.join(features)}.")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises its own, requests' and apache_beam's, of many bases
        raise OSError(f"dataset '{name}' cannot be downloaded: {_line(error)}") from error
    try:
        size = builder.info.splits[split].num_examples
    except (KeyError, ValueError):
        splits = ", ".join(builder.info.splits)
        raise ValueError(f"split must be of {splits}, or a part of one, got '{split}'.") from None
    if not size:
        raise ValueError(f"dataset '{name}' must not be empty, and its split '{split}' is.")
    decoders = tfds.decode.PartialDecoding({"image": True, **({"label": True} if labels else {})})
    dataset = builder.as_dataset(split=split, decoders=decoders)
    if image_shape is None and None in dataset.element_spec["image"].shape:
        raise ValueError(f"image_shape must be given for '{name}', whose images have many sizes.")

    def element(example):
        image = example["image"] if image_shape is None else _fit(example["image"], image_shape)
        return (image, tf.cast(example["label"], tf.int64)) if labels else image

    return dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE)


def from_folder(
    folder: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> tf.data.Dataset:
    """The PNG and JPEG files of a folder and its subfolders, in the order of their paths.

    With a subfolder named after the split, its files are taken. Without subfolders `train` and
    `test`, every tenth file is of the split `test`, the others are of `train`; `all` takes every
    one. Images are grey if all of them are. With labels, an image's class is the subfolder that it
    lies in, by its number in alphabetical order. See `load` for the rest.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"folder of images '{folder}' does not exist.")
    paths = _split_of_folder(folder, split)
    if not paths:
        raise ValueError(f"dataset '{folder}' has no PNG or JPEG images for split '{split}'.")
    heads = [_head(path) for path in paths]
    channels = 3 if any(is_colour for _, is_colour in heads) else 1
    if image_shape is None:
        for path, (size, _) in zip(paths, heads, strict=True):
            if size != heads[0][0]:
                raise ValueError(
                    f"images must all have one size if no image_shape is given: '{paths[0]}' is "
                    f"{heads[0][0][0]}x{heads[0][0][1]}, '{path}' is {size[0]}x{size[1]}."
                )
        image_shape = (heads[0][0][1], heads[0][0][0], channels)

    def read(path):
        image = tf.io.decode_image(tf.io.read_file(path), channels=image_shape[-1], expand_animations=False)
        return _fit(image, image_shape)

    files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    images = files.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    if not labels:
        return images
    classes = sorted({path.parent.name for path in paths})
    numbers = np.array([classes.index(path.parent.name) for path in paths], np.int64)
    return tf.data.Dataset.zip((images, tf.data.Dataset.from_tensor_slices(numbers)))


def from_npz(
    path: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> tf.data.Dataset:
    """The arrays x_<split>, and y_<split> for labels, of an .npz file. See `load`."""
    names = [f"x_{split}", f"y_{split}"] if labels else [f"x_{split}"]
    with _open_npz(path) as arrays:
        for name in names:
            if name not in arrays:
                raise ValueError(f"dataset '{path}' must have {name}, got {', '.join(arrays)}.")
        dataset = from_arrays(*(arrays[name] for name in names))
    if image_shape is None:
        return dataset
    if len(tf.nest.flatten(dataset.element_spec)[0].shape) != 3:
        raise ValueError(f"image_shape must not be given for '{path}', which has vectors.")
    if labels:
        return dataset.map(lambda image, label: (_fit(image, image_shape), label))
    return dataset.map(lambda image: _fit(image, image_shape))


def from_arrays(values: np.ndarray, labels: np.ndarray | None = None) -> tf.data.Dataset:
    """Arrays as a data set.

    Args:
        values: images [N, H, W, C] (or [N, H, W], one channel), uint8 or floating in [0, 1]; or
            vectors [N, D], floating and finite.
        labels: integers [N], not negative.

    Raises:
        ValueError: another shape, dtype or range, or no elements.

    >>> import numpy as np
    >>> from_arrays(np.zeros([10, 8, 8], np.uint8)).element_spec.shape
    TensorShape([8, 8, 1])
    """
    values = np.asarray(values)
    if values.ndim not in (2, 3, 4):
        raise ValueError(
            f"arrays must be images [N, H, W, C] or vectors [N, D], got shape {list(values.shape)}."
        )
    if len(values) == 0:
        raise ValueError(f"dataset must not be empty, got an array of shape {list(values.shape)}.")
    is_image = values.ndim > 2
    if np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError("arrays must be finite, got NaN or infinity.")
        if is_image and (values.min() < 0 or values.max() > 1):
            raise ValueError(f"floating images must be in [0, 1], got {values.min():g} to {values.max():g}.")
    elif not (is_image and values.dtype == np.uint8):
        raise ValueError(f"arrays must be uint8 images or floating, got {values.dtype}.")
    if values.ndim == 3:
        values = values[..., np.newaxis]
    if labels is None:
        return tf.data.Dataset.from_tensor_slices(values)
    labels = np.asarray(labels)
    if labels.shape != values.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be {len(values)} integers, got {labels.dtype} of shape {list(labels.shape)}."
        )
    if labels.min() < 0:
        raise ValueError(f"labels must not be negative, got {labels.min()}.")
    return tf.data.Dataset.from_tensor_slices((values, labels.astype(np.int64)))


def two_moons(split: str = "train", noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Points of two interleaved half circles of radius 1, centred at (0, 0) and (1, 1/2).

    Args:
        split: `train`, 50,000 points, or `test`, 10,000 others; the same ones always.
        noise: standard deviation of the normal noise on each coordinate.

    Returns:
        float32 [N, 2], and which of the moons, int64 [N].
    """
    sizes = {"train": 50_000, "test": 10_000}
    if split not in sizes:
        raise ValueError(f"split must be of train, test, got '{split}'.")
    random = np.random.Generator(np.random.PCG64(list(sizes).index(split)))
    moons = random.integers(2, size=sizes[split])
    angles = random.uniform(0, np.pi, size=sizes[split])
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    lower = np.stack([1 - np.cos(angles), 0.5 - np.sin(angles)], axis=-1)
    points = np.where(moons[:, np.newaxis] == 0, upper, lower)
    return (points + random.normal(0, noise, points.shape)).astype(np.float32), moons


def _open_npz(path: str | os.PathLike) -> np.lib.npyio.NpzFile:
    try:
        arrays = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"dataset '{path}' does not exist.") from None
    except (ValueError, EOFError, zipfile.BadZipFile):
        arrays = None
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise ValueError(f"dataset '{path}' is damaged: it is no .npz file.")
    return arrays


def _split_of_folder(folder: Path, split: str) -> list[Path]:
    has_splits = any((folder / name).is_dir() for name in ("train", "test"))
    if has_splits and split != "all":
        if not (folder / split).is_dir():
            raise ValueError(f"split must be a subfolder of '{folder}' or all, got '{split}'.")
        folder = folder / split
    elif split not in ("train", "test", "all"):
        raise ValueError(f"split of a folder must be of train, test, all, got '{split}'.")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if has_splits or split == "all":
        return paths
    return [path for i, path in enumerate(paths) if (i % 10 == 9) == (split == "test")]


def _head(path: Path) -> tuple[tuple[int, int], bool]:
    """An image file's (width, height), and whether it has colours; it is not decoded."""
    try:
        with Image.open(path) as image:
            return image.size, image.mode not in ("1", "L", "LA", "I", "I;16", "F")
    except (UnidentifiedImageError, OSError) as error:
        raise OSError(f"image file '{path}' cannot be read: {_line(error)}") from None


def _fit(image: tf.Tensor, image_shape: tuple[int, int, int]) -> tf.Tensor:
    """Cuts an image to the proportions of a shape around its centre, and resizes it."""
    height, width, channels = image_shape
    if image.shape[-1] != channels:
        recolour = tf.image.rgb_to_grayscale if channels == 1 else tf.image.grayscale_to_rgb
        image = recolour(image)
    if image.shape[:2] != (height, width):
        size = tf.shape(image)
        scale = tf.minimum(size[0] / height, size[1] / width)
        cut_height = tf.cast(tf.round(scale * height), tf.int32)
        cut_width = tf.cast(tf.round(scale * width), tf.int32)
        top, left = (size[0] - cut_height) // 2, (size[1] - cut_width) // 2
        cut = image[top : top + cut_height, left : left + cut_width]
        resized = tf.image.resize(cut, (height, width), antialias=True)
        image = tf.cast(tf.round(resized), tf.uint8) if image.dtype == tf.uint8 else resized
    return tf.ensure_shape(image, image_shape)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
