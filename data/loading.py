"""Data sets by name from TensorFlow Datasets, from folders, files and arrays.

A data set here is finite, unbatched, and always in the same order: what shuffles, repeats and
batches it is the training. Its examples are images, uint8 [H, W, C] (or float32 in [0, 1]), or
vectors, float32 [D], or pairs of one of these and its label, an int64 scalar. It is a `Source`,
whose examples training reads in any order, or a `tf.data.Dataset`.
"""

import functools
import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ..zoo import image_files
from . import array_files, dataset_names
from .class_numbers import with_names
from .image_folders import list_images
from .moons import two_moons
from .noto_emoji import NotoEmoji  # noqa: F401  its definition makes it known to TensorFlow Datasets
from .sources import ImageFiles, Source, in_order
from .splits import MissingSplit

# Sets of TensorFlow Datasets whose encoded images are up to this size are kept in memory.
_MEMORY = 2**31


def load(
    name: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> tf.data.Dataset:
    """A data set by name or path, as a `tf.data.Dataset`. Arguments and errors are those of `source`.

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
    """A data set by name or path, to train on.

    Args:
        name: `two_moons`, the name of an image set of TensorFlow Datasets, `noto_emoji` (see
            `NotoEmoji`), a folder of images (see `from_folder`), or an .npz file with arrays
            x_train, y_train, x_test and y_test (the y only if labels are asked for).
        split: `train`, `test`, or what TensorFlow Datasets takes, such as `train[:90%]`.
        image_shape: (height, width, channels). Images of another size are cut to these proportions
            around their centre and resized. By default nothing is, and all must have one size. Grey
            becomes RGB, or RGB grey, as channels (1, 3 or 4) says; alpha is kept for 4 channels, and
            for fewer what is transparent is laid on white.
        labels: whether the elements are pairs with labels.
        skip_unreadable: whether images of a folder that cannot be read are passed over with a
            warning each, and counted (`Source.unreadable`). By default they are errors.

    Returns:
        A `Source`, which knows the names of the classes, if they have names; a `tf.data.Dataset` for
        a set of TensorFlow Datasets with more than 2 GiB of encoded images.

    Raises:
        ValueError: an unknown name (the message says the nearest ones) or split (`MissingSplit`), no
            labels, no images, images of several sizes.
        OSError: files that cannot be read or downloaded, or a font that is not there (`noto_emoji`).

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
        raise dataset_names.not_a_data_set(path)
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
    """An image set of TensorFlow Datasets, downloaded if it is not there. See `source`.

    Its images stay encoded in memory, and are decoded when they are asked for.
    """
    dataset_names.check_name_of_set(name)
    try:
        builder = tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError):
        raise dataset_names.unknown(name) from None
    features = builder.info.features
    if "image" not in features or (labels and "label" not in features):
        wanted = "images and labels" if labels else "images"
        raise ValueError(f"dataset must have {wanted}, got '{name}' with {', '.join(features)}.")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises its own, requests' and apache_beam's, of many bases
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
        image = image if image_shape is None else _fitted(image, image_shape)
        return (image, tf.cast(label, tf.int64)) if labels else image

    def read(encoded, *label):
        return element(features["image"].decode_example(encoded), *label)

    # Parts of splits do not tell their bytes.
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
        return Source(next(iter(dataset.batch(size))), read, class_names=_names_of_labels(features))
    return with_names(dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE), _names_of_labels(features))


def _names_of_labels(features: tfds.features.FeaturesDict) -> tuple[str, ...]:
    label = dict(features.items()).get("label")
    is_class = isinstance(label, tfds.features.ClassLabel) and label.num_classes
    return tuple(label.names) if is_class else ()


def from_folder(
    folder: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
    skip_unreadable: bool = False,
) -> Source:
    """The image files of a folder and its subfolders, in the order of their paths.

    All formats of `image_files.FORMATS` are read, by their usual suffixes, links to folders are
    followed, and what systems hide in folders is passed over. Other files are counted in a warning.

    With two or more subfolders named after splits (`train`, `test`, `validation`, in any case, also as
    `Training`, `val` and so on), or with no other subfolder, a split is such a subfolder; any other
    subfolder beside them is one by its own name. Without, every tenth file is of the split `test`, the
    others are of `train`. `all` takes every one. If the folder holds nothing but another one, which has
    splits, it is that one that is read. Images are grey if all of them are, else RGB; give
    an image_shape of 4 channels for RGBA.

    An image's class is the subfolder that it lies in, in or below it: `train/boot/1.png`, or
    `boot/1.png` without such splits, is a boot. The label is its number among all classes of the
    folder, of every split, in the order of their names. Where the folder, or its split, has a
    `dataset.json` as the official dataset_tool of StyleGAN writes it, the labels are the ones there,
    and the classes have no names. See `source` for the rest.

    Headers are read at once, images when they are asked for. With `skip_unreadable`, files whose
    header cannot be read are left out; in the place of one whose image turns out to be damaged
    comes the next that can be read.
    """
    folder = Path(os.path.expanduser(folder))
    if not folder.is_dir():
        raise FileNotFoundError(f"folder of images '{folder}' does not exist.")
    listing = list_images(folder, split)
    if labels and listing.labels is None:
        raise ValueError(f"dataset '{folder}' {listing.unlabeled}, to have labels.")
    files = ImageFiles(listing.paths, skip_unreadable)
    if not files.paths:
        raise ValueError(f"dataset '{folder}' has {len(listing.paths)} images, and none of them can be read.")
    if image_shape is None:
        if len(files.sizes) > 1:
            first, second = [
                f"'{path}' is {width}x{height}" for (height, width), path in list(files.sizes.items())[:2]
            ]
            raise ValueError(f"images must all have one size if no image_shape is given: {first}, {second}.")
        image_shape = (*next(iter(files.sizes)), 3 if files.is_color else 1)
    image_shape = image_files.check_image_shape(image_shape)
    if labels:
        _warn_of_alike_classes(folder, listing.class_names)
        readable = set(files.paths)
        labels_of_files = np.int64(
            [label for path, label in zip(listing.paths, listing.labels, strict=True) if path in readable]
        )

    def read(number):
        image, number = files.read(number, image_shape)
        return (image, tf.gather(labels_of_files, number)) if labels else image

    return Source(np.arange(len(files.paths)), read, files, listing.class_names)


def from_npz(
    path: str | os.PathLike,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
    labels: bool = False,
) -> Source:
    """The arrays x_<split>, and y_<split> for labels, of an .npz file. See `source`."""
    path = os.path.expanduser(path)
    names = [f"x_{split}", f"y_{split}"] if labels else [f"x_{split}"]
    known = array_files.array_names(path)
    for name in names:
        if name not in known:
            kind = MissingSplit if name == names[0] else ValueError
            found = ascii(", ".join(known))[1:-1][:200]  # an archive's names may hold anything
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
        return examples.map(lambda image, label: (_fitted(image, image_shape), label))
    return examples.map(lambda image: _fitted(image, image_shape))


def from_arrays(values: np.ndarray, labels: np.ndarray | None = None) -> Source:
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
        return Source(values)
    labels = np.asarray(labels)
    if labels.shape != values.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be {len(values)} integers, got {labels.dtype} of shape {list(labels.shape)}."
        )
    if labels.min() < 0:
        raise ValueError(f"labels must not be negative, got {labels.min()}.")
    return Source((values, labels.astype(np.int64)))


def _warn_of_alike_classes(folder: Path, names: tuple[str, ...]) -> None:
    first = {}
    for name in names:
        if (other := first.setdefault(name.casefold(), name)) != name:
            warnings.warn(
                f"dataset '{folder}': '{other}' and '{name}' are two classes, which differ only in case.",
                stacklevel=3,
            )


def _fitted(image: tf.Tensor, image_shape: tuple[int, int, int]) -> tf.Tensor:
    """`image_files.fit` in a graph."""
    if image.shape == image_shape:
        return image
    fit = functools.partial(image_files.fit, image_shape=image_shape)
    return tf.ensure_shape(tf.numpy_function(fit, [image], image.dtype, stateful=False), image_shape)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
