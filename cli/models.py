"""Loads models and data for commands that need TensorFlow, which starts here, without its log messages."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import logging

from ..zoo import registry

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import ArrayLike

    from ..zoo.model import ZooModel


def start_tensorflow(prepare: Callable[[], object] = lambda: None) -> None:
    """Imports TensorFlow, which logs only errors from then on.

    Args:
      prepare: called before TensorFlow initializes devices, to configure them.
    """
    from ..zoo import keras_backend  # noqa: F401  (reports another Keras backend early)

    if "tensorflow" not in sys.modules:
        note("loading TensorFlow, which takes some seconds ...")
    logging.set_verbosity(logging.ERROR)
    with _without_stderr():
        import tensorflow as tf
        import tensorflow_probability  # noqa: F401  (logs messages too)

        prepare()
        tf.config.list_logical_devices()
    tf.get_logger().setLevel("ERROR")


def note(text: str) -> None:
    """Prints a note about a slow step to standard error, if it is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def load_model(preset: str) -> "ZooModel":
    """Loads the model of a preset. An unknown name is an error before TensorFlow starts."""
    folder = registry.preset_folder(preset)
    start_tensorflow()
    from ..zoo import saving

    note(f"loading {preset} ...")
    return saving.load(folder)


def check_data(arguments: argparse.Namespace) -> str:
    """Returns `dataset_name(arguments)`, after checking that the dataset and its split exist."""
    from ..data import dataset_names

    name = dataset_name(arguments)
    dataset_names.check_name(name, arguments.split)
    return name


def dataset_name(arguments: argparse.Namespace) -> str:
    """Returns the name of the requested dataset, or of the preset's training data."""
    name = arguments.dataset or registry.info(arguments.preset).get("dataset")
    if not isinstance(name, str) or not name:
        raise ValueError(f"dataset must be given: '{arguments.preset}' records none.")
    return name


def usual_split(arguments: argparse.Namespace) -> str:
    """Returns the requested split, or that of the preset's recorded scores on the dataset, or test."""
    if arguments.split:
        return arguments.split
    recorded = registry.info(arguments.preset).get("metrics", [])
    splits = {score["split"] for score in recorded if score["dataset"] == dataset_name(arguments)}
    return splits.pop() if len(splits) == 1 else "test"


@contextlib.contextmanager
def load_data(
    arguments: argparse.Namespace, model: "ZooModel", labels: bool = False
) -> Iterator["tf.data.Dataset"]:
    """Yields the requested dataset in the model's shape.

    Within the `with`, an unreadable image raises an OSError that names it.

    Args:
      labels: whether to include labels even if the model takes none.
    """
    from ..data import class_numbers, sources
    from ..data import loading as data

    name = dataset_name(arguments)
    with contextlib.redirect_stdout(sys.stderr):  # TFDS prints there while it downloads
        source = data.source(
            name,
            arguments.split,
            shape_for(name, model.event_shape),
            labels=labels or bool(model.num_classes),
        )
    check_shape(source, model, name)
    source = class_numbers.numbered_as(source, model, f"'{name}'")
    with sources.reading(source):
        yield sources.in_order(source)


def example_shape(dataset: "tf.data.Dataset") -> tuple[int, ...]:
    """Returns the shape of an example of a dataset."""
    spec = dataset.element_spec
    return tuple((spec[0] if isinstance(spec, tuple) else spec).shape)


def shape_for(name: str, image_shape: Sequence[int] | None) -> tuple[int, int, int] | None:
    """Returns the shape to resize images to: for folders, the model's; otherwise None."""
    if image_shape is None or len(image_shape) != 3 or not os.path.isdir(os.path.expanduser(name)):
        return None
    height, width, channels = image_shape
    return height, width, channels


def check_shape(dataset: "tf.data.Dataset", model: "ZooModel", name: str) -> None:
    """Checks that the examples of a dataset have the model's shape."""
    shape = example_shape(dataset)
    if shape != tuple(model.event_shape):
        raise ValueError(
            f"dataset must have examples of the model's shape {list(model.event_shape)}, "
            f"got {list(shape)} in '{name}'."
        )


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Drops everything written to standard error.

    TensorFlow's libraries log there while they load, whatever TF_CPP_MIN_LOG_LEVEL is.
    """
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def zoom(image_shape: tuple[int, ...]) -> int:
    """Returns the factor by which small images are enlarged in a grid."""
    return max(1, 64 // image_shape[1])


def save_grid(images: "ArrayLike", path: Path, columns: int | None = None, **captions) -> None:
    """Writes images [N, H, W, C] as a PNG grid and prints its path; captions as in `with_captions`."""
    import numpy as np

    from ..zoo import pictures

    images = np.asarray(images)
    picture = pictures.grid(images, columns, zoom(images.shape[1:]))
    if captions:
        from ..zoo.captions import with_captions

        picture = with_captions(picture, **captions)
    pictures.save_png(picture, path)
    print(f"{len(images)} images in {path}")


def save_gif(images: "ArrayLike", path: Path) -> None:
    """Writes images [N, H, W, C] as a GIF, and prints its path."""
    import numpy as np

    from ..zoo import pictures

    images = np.asarray(images)
    size = zoom(images.shape[1:])
    frames = [pictures.grid(image[None], zoom=size) for image in images]
    pictures.save_gif(frames, path)
    print(f"{len(images)} images in {path}")
