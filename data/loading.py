"""Loads datasets from TensorFlow Datasets, folders, files and arrays.

These datasets are finite, unbatched, and always in the same order: training shuffles, repeats and
batches them. Examples are images, uint8 [H, W, C] (or float32 in [0, 1]), or vectors, float32 [D], or
pairs of one of these and an int64 scalar label. A dataset is a `Source`, which has random access, or a
`tf.data.Dataset`.
"""

import functools
import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from numpy.typing import ArrayLike

from ..zoo import image_files
from . import array_files, dataset_names
from .class_numbers import with_names
from .image_folders import list_images
from .moons import two_moons
from .noto_emoji import NotoEmoji  # noqa: F401  registers it with TensorFlow Datasets
from .sources import ImageFiles, Source, in_order
from .splits import MissingSplit

# The encoded images of TensorFlow Datasets are kept in memory up to this size in bytes.
_MEMORY = 2**31


def load(
    name: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> tf.data.Dataset:
    """Loads a dataset by name or path as a `tf.data.Dataset`. For arguments and errors, see `source`.

    >>> points = load("two_moons", split="test")
    >>> points.element_spec
    TensorSpec(shape=(2,), dtype=tf.float32, name=None)
    """
    return in_order(source(name, split, image_shape, labels))


def source(
    name: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
    skip_unreadable: bool = False,
) -> Source | tf.data.Dataset:
    """Loads a dataset by name or path, to train on.

    Args:
      name: `two_moons`, the name of an image dataset of TensorFlow Datasets, `noto_emoji` (see
        `NotoEmoji`), a folder of images (see `from_folder`), or an .npz file with arrays
        x_train, y_train, x_test and y_test (y only for labels).
      split: `train`, `test`, or a split of TensorFlow Datasets such as `train[:90%]`.
      image_shape: (height, width, channels). Images of other sizes are center-cropped to this aspect
        ratio and resized. By default all images must have one size. Images are converted between
        grayscale and RGB to match the channels (1, 3 or 4); alpha is kept for 4 channels, otherwise
        transparent images are composited on white.
      labels: whether the elements are pairs with labels.
      skip_unreadable: whether to skip images of a folder that cannot be read, with a warning for
        each, and count them (`Source.unreadable`). By default they are errors.

    Returns:
      A `Source`, with the names of the classes if known; a `tf.data.Dataset` for TensorFlow Datasets
      with more than 2 GiB of encoded images.

    Raises:
      ValueError: the name (the message suggests similar ones) or split (`MissingSplit`) is unknown,
        there are no labels or no images, or the images have several sizes.
      OSError: files cannot be read or downloaded, or the font of `noto_emoji` is missing.

    >>> moons = source("two_moons", split="test", labels=True)
    >>> len(moons)
    10000
    """
    if image_shape is not None:
        image_shape = image_files.check_image_shape(image_shape)
    path = Path(os.path.expanduser(name))
    if path.is_dir():
        return from_folder(path, split, image_shape, labels, skip_unreadable)
    if path.suffix.lower() == ".npz":
        return from_npz(path, split, image_shape, labels)
    if path.exists():
        raise dataset_names.unsupported_file(path)
    if name == "two_moons":
        if image_shape is not None:
            raise ValueError("image_shape must not be given for two_moons, which has vectors.")
        points, moons = two_moons(split)
        return from_arrays(points, moons if labels else None)
    return from_tfds(str(name), split, image_shape, labels)


def from_tfds(
    name: str,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> Source | tf.data.Dataset:
    """Loads an image dataset of TensorFlow Datasets, downloading it if needed. See `source`.

    Images stay encoded in memory and are decoded on demand.
    """
    dataset_names.check_tfds_name(name)
    try:
        builder = tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError):
        raise dataset_names.unknown_dataset(name) from None
    features = builder.info.features
    if "image" not in features or (labels and "label" not in features):
        wanted = "images and labels" if labels else "images"
        raise ValueError(f"dataset must have {wanted}, got '{name}' with {', '.join(features)}.")
    try:
        builder.download_and_prepare()
    except Exception as error:  # errors of TFDS, requests and apache_beam, without a common base class
        raise OSError(f"dataset '{name}' cannot be prepared: {_line(error)}") from error
    try:
        size = builder.info.splits[split].num_examples
    except (KeyError, ValueError):
        splits = ", ".join(builder.info.splits)
        raise MissingSplit(f"split must be of {splits}, or a part of one, got '{split}'.") from None
    if not size:
        raise ValueError(f"dataset '{name}' must not be empty, and its split '{split}' is.")
    if image_shape is None and None in features["image"].shape:
        raise ValueError(f"image_shape must be given for '{name}', whose images have many sizes.")

    def element(image, label=None):
        image = image if image_shape is None else _fit(image, image_shape)
        return (image, tf.cast(label, tf.int64)) if labels else image

    def read(encoded, *label):
        return element(features["image"].decode_example(encoded), *label)

    # Subsplits do not have a size in bytes.
    encoded_bytes = builder.info.dataset_size * size / builder.info.splits.total_num_examples
    keep = isinstance(features["image"], tfds.features.Image) and encoded_bytes <= _MEMORY
    wanted = {"image": True, **({"label": True} if labels else {})}
    dataset = builder.as_dataset(
        split=split,
        decoders=tfds.decode.PartialDecoding(wanted, {"image": tfds.decode.SkipDecoding()} if keep else None),
        read_config=tfds.ReadConfig(try_autocache=not keep),
    )
    dataset = dataset.map(lambda example: tuple(example[key] for key in wanted))
    if keep:
        return Source(next(iter(dataset.batch(size))), read, class_names=_class_names(features))
    return with_names(dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE), _class_names(features))


def _class_names(features: tfds.features.FeaturesDict) -> tuple[str, ...]:
    label = dict(features.items()).get("label")
    if label is None or not isinstance(label, tfds.features.ClassLabel) or not label.num_classes:
        return ()
    return tuple(label.names)


def from_folder(
    folder: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
    skip_unreadable: bool = False,
) -> Source:
    """Loads the image files of a folder and its subfolders, in the order of their paths.

    Reads all formats of `image_files.FORMATS`, by their usual suffixes, follows links to folders, and
    ignores hidden and system files. A warning counts other files.

    Splits are subfolders if at least two are named after splits (`train`, `test`, `validation`, in any
    case, or variants such as `Training` and `val`), or if there are no other subfolders; any further
    subfolder is then a split of its own name. Otherwise every tenth file belongs to the split `test`,
    the others to `train`. `all` is every file. If the folder contains only one subfolder, and that has
    splits, it is read instead. Images are grayscale if all files are, else RGB; for RGBA, give an
    image_shape of 4 channels.

    An image's class is the subfolder that it is in or below: `train/boot/1.png`, or `boot/1.png`
    without splits, is a boot. The label is the index of the class among the sorted classes of all
    splits. If the folder, or the split, has a `dataset.json` of StyleGAN's official dataset_tool, it
    gives the labels, and the classes have no names. See `source` for the rest.

    Headers are read at once, images on demand. With `skip_unreadable`, files with unreadable headers
    are left out, and a file whose image turns out to be damaged is replaced by the next readable one.
    """
    folder = Path(os.path.expanduser(folder))
    if not folder.is_dir():
        raise FileNotFoundError(f"folder of images '{folder}' does not exist.")
    listing = list_images(folder, split)
    if labels and listing.labels is None:
        raise ValueError(f"dataset '{folder}' {listing.unlabeled}, to have labels.")
    files = ImageFiles(listing.paths, skip_unreadable)
    if not files.paths:
        raise ValueError(f"dataset '{folder}' has {len(listing.paths)} images, none of which can be read.")
    if image_shape is None:
        if len(files.sizes) > 1:
            first, second = [
                f"'{path}' is {width}x{height}" for (height, width), path in list(files.sizes.items())[:2]
            ]
            raise ValueError(f"images must all have one size if no image_shape is given: {first}, {second}.")
        image_shape = (*next(iter(files.sizes)), 3 if files.is_color else 1)
    shape = image_files.check_image_shape(image_shape)
    if not labels or listing.labels is None:
        return Source(
            np.arange(len(files.paths)), lambda i: files.read(i, shape)[0], files, listing.class_names
        )
    _warn_of_similar_classes(folder, listing.class_names)
    label_of = dict(zip(listing.paths, listing.labels, strict=True))
    labels_of_files = np.array([label_of[path] for path in files.paths], np.int64)

    def read(index):
        image, index = files.read(index, shape)
        return image, tf.gather(labels_of_files, index)

    return Source(np.arange(len(files.paths)), read, files, listing.class_names)


def from_npz(
    path: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> Source:
    """Loads the arrays x_<split>, and y_<split> for labels, of an .npz file. See `source`."""
    path = os.path.expanduser(path)
    names = [f"x_{split}", f"y_{split}"] if labels else [f"x_{split}"]
    known = array_files.array_names(path)
    for name in names:
        if name not in known:
            kind = MissingSplit if name == names[0] else ValueError
            found = ascii(", ".join(known))[1:-1][:200]  # names in an archive may contain anything
            raise kind(f"dataset '{path}' must have {name}, got {found}.")
    arrays = [array_files.read_array(path, name) for name in names]
    try:
        examples = from_arrays(*arrays)
    except ValueError as error:
        raise ValueError(f"dataset '{path}': {error}") from None
    if image_shape is None:
        return examples
    shape = tf.nest.flatten(examples.records)[0].shape[1:]
    if len(shape) != 3 or shape[-1] not in image_files.MODES:
        raise ValueError(
            f"image_shape must not be given for '{path}', which has examples of shape {list(shape)}."
        )
    if shape == image_shape:
        return examples
    if labels:
        return examples.map(lambda image, label: (_fit(image, image_shape), label))
    return examples.map(lambda image: _fit(image, image_shape))


def from_arrays(values: ArrayLike, labels: ArrayLike | None = None) -> Source:
    """Makes a dataset of arrays.

    Args:
      values: images [N, H, W, C] (or [N, H, W], one channel), uint8 or floating point in [0, 1]; or
        vectors [N, D], floating point and finite.
      labels: nonnegative integers [N].

    Raises:
      ValueError: the shape, dtype or range is another, or there are no elements.

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
            raise ValueError(
                f"floating-point images must be in [0, 1], got {values.min():g} to {values.max():g}."
            )
    elif not (is_image and values.dtype == np.uint8):
        raise ValueError(f"arrays must be uint8 images or floating point, got {values.dtype}.")
    if values.ndim == 3:
        values = values[..., np.newaxis]
    if labels is None:
        return Source(values)
    labels = np.asarray(labels)
    if labels.shape != values.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be {len(values)} integers, got {labels.dtype} of shape {list(labels.shape)}."
        )
    if labels.min() < 0:
        raise ValueError(f"labels must not be negative, got {labels.min()}.")
    return Source((values, labels.astype(np.int64)))


def _warn_of_similar_classes(folder: Path, names: tuple[str, ...]) -> None:
    first: dict[str, str] = {}
    for name in names:
        if (other := first.setdefault(name.casefold(), name)) != name:
            warnings.warn(
                f"dataset '{folder}': '{other}' and '{name}' are two classes, which differ only in case.",
                stacklevel=3,
            )


def _fit(image: tf.Tensor, image_shape: tuple[int, int, int]) -> tf.Tensor:
    """`image_files.fit` in a graph."""
    if image.shape == image_shape:
        return image
    fit = functools.partial(image_files.fit, image_shape=image_shape)
    return tf.ensure_shape(tf.numpy_function(fit, [image], image.dtype, stateful=False), image_shape)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
