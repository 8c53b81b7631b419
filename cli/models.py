"""Models and data of the commands that need TensorFlow, which starts here, without its notes."""

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
    import keras
    import tensorflow as tf


def start_tensorflow(prepare: Callable[[], object] = lambda: None) -> None:
    """Imports TensorFlow; from then on it tells errors alone.

    Args:
      prepare: called before TensorFlow looks for devices, to say how they are to be used.
    """
    from ..zoo import keras_backend  # noqa: F401  (another backend of Keras is an error at once)

    if "tensorflow" not in sys.modules:
        note("loading TensorFlow, which takes some seconds ...")
    logging.set_verbosity(logging.ERROR)
    with _without_stderr():
        import tensorflow as tf
        import tensorflow_probability  # noqa: F401  (it has notes of its own)

        prepare()
        tf.config.list_logical_devices()
    tf.get_logger().setLevel("ERROR")


def note(text: str) -> None:
    """Tells someone who waits at a terminal what takes long; nothing where standard error is a file."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def load_model(preset: str) -> "keras.Model":
    """The model of a preset. An unknown name is told before TensorFlow starts."""
    folder = registry.preset_folder(preset)
    start_tensorflow()
    from ..zoo import saving

    note(f"loading {preset} ...")
    return saving.load(folder)


def check_data(arguments: argparse.Namespace) -> str:
    """The name of the data asked for, or of what the preset was trained on, once it is known to be there."""
    from ..data import dataset_names

    name = dataset_name(arguments)
    dataset_names.check_name(name, arguments.split)
    return name


def dataset_name(arguments: argparse.Namespace) -> str:
    """The data asked for, or what the preset was trained on."""
    name = arguments.dataset or registry.info(arguments.preset).get("dataset")
    if not isinstance(name, str) or not name:
        raise ValueError(f"dataset must be given: '{arguments.preset}' records none.")
    return name


def usual_split(arguments: argparse.Namespace) -> str:
    """The split asked for, or that of the preset's recorded scores on the data, or test."""
    if arguments.split:
        return arguments.split
    recorded = registry.info(arguments.preset).get("metrics", [])
    splits = {score["split"] for score in recorded if score["dataset"] == dataset_name(arguments)}
    return splits.pop() if len(splits) == 1 else "test"


@contextlib.contextmanager
def load_data(
    arguments: argparse.Namespace, model: "keras.Model", labels: bool = False
) -> Iterator["tf.data.Dataset"]:
    """The data asked for, of the model's shape, with labels if the model takes them, or if asked for.

    Within the `with`, an image that cannot be read is an OSError that names it.
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
    spec = dataset.element_spec
    return tuple((spec[0] if isinstance(spec, tuple) else spec).shape)


def shape_for(name: str, image_shape: Sequence[int] | None) -> tuple[int, int, int] | None:
    """What images are read as: a folder's as the model has them, for files have no one shape; else None."""
    is_image = image_shape is not None and len(image_shape) == 3
    return tuple(image_shape) if is_image and os.path.isdir(os.path.expanduser(name)) else None


def check_shape(dataset: "tf.data.Dataset", model: "keras.Model", name: str) -> None:
    shape = example_shape(dataset)
    if shape != tuple(model.event_shape):
        raise ValueError(
            f"dataset must have examples of the model's shape {list(model.event_shape)}, "
            f"got {list(shape)} in '{name}'."
        )


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Drops what is written to standard error.

    TensorFlow's libraries write notes there while they load, whatever TF_CPP_MIN_LOG_LEVEL says.
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
    """How many times a small image is enlarged in a grid, to be looked at."""
    return max(1, 64 // image_shape[1])


def save_grid(images, path: Path, columns: int | None = None, **captions) -> None:
    """Writes images [N, H, W, C] as a PNG grid, and says so; captions: as of `captions.with_captions`."""
    import numpy as np

    from ..zoo import pictures

    images = np.asarray(images)
    picture = pictures.grid(images, columns, zoom(images.shape[1:]))
    if captions:
        from ..zoo.captions import with_captions

        picture = with_captions(picture, **captions)
    pictures.save_png(picture, path)
    print(f"{len(images)} images in {path}")


def save_gif(images, path: Path) -> None:
    """Writes images [N, H, W, C] as a GIF, and says so."""
    import numpy as np

    from ..zoo import pictures

    images = np.asarray(images)
    size = zoom(images.shape[1:])
    frames = [pictures.grid(image[None], zoom=size) for image in images]
    pictures.save_gif(frames, path)
    print(f"{len(images)} images in {path}")
