"""Argument types, which validate before any slow work, and arguments that several commands share."""

import argparse
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from ..zoo.deprecation import warn_of_old_name

LARGEST = 2**31 - 1  # the largest int32
FLOAT32_MAX = 3.4e38

# Of a file name, in bytes: file systems allow 255, and temporary names are longer.
LONGEST_NAME = 220


def add_preset(parser: argparse.ArgumentParser, nargs: Literal["?"] | None = None) -> None:
    parser.add_argument("preset", nargs=nargs, help="name (see latentzoo list) or folder of a preset")


def add_picture(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--out", type=new_file(".png"), default=default, help="PNG to write (default %(default)s)"
    )


def add_dataset(parser: argparse.ArgumentParser, split: str | None) -> None:
    """Adds `--dataset` and `--split`, with the default `split`; None: see `models.usual_split`."""
    parser.add_argument(
        "--dataset",
        help="name of an image dataset in TensorFlow Datasets, a folder of images, an .npz file with "
        "x_train, y_train, x_test and y_test, or two_moons (default: the preset's training data)",
    )
    usual = split or "that of the preset's recorded scores, or test"
    parser.add_argument("--split", default=split, help=f"split of the dataset (default {usual})")


def add_label(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", type=label, help="number or name of the class, for a conditional model")


def add_batch_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--batch_size", type=integer(1), default=64, help="examples per batch (default %(default)s)"
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=integer(0), default=0, help="random seed (default %(default)s)")


def add_old_flag(parser: argparse.ArgumentParser, old: str, flag: argparse.Action) -> None:
    """Also accepts a flag by its old name, with a DeprecationWarning."""
    new = flag.option_strings[0]

    class OldFlag(argparse.Action):
        def __call__(self, parser, namespace, values, option_string=None):
            warn_of_old_name(old, new)
            setattr(namespace, self.dest, values)

    parser.add_argument(
        old,
        action=OldFlag,
        dest=flag.dest,
        type=flag.type or str,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


def changed(arguments: argparse.Namespace, **values: object) -> argparse.Namespace:
    """Returns a copy of `arguments` with some values replaced."""
    return argparse.Namespace(**{**vars(arguments), **values})


def integer(minimum: int, maximum: int = LARGEST) -> Callable[[str], int]:
    """Returns the type of integers from `minimum` to `maximum`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(f"got '{text}', expected an integer of at least {minimum}")
        if value > maximum:
            raise argparse.ArgumentTypeError(f"got '{text}', expected an integer of at most {maximum}")
        return value

    return parse


def steps_or_minutes(text: str) -> int | str:
    """Parses an interval: a number of steps, such as `1000`, or of minutes, such as `10min`."""
    if text.endswith("min"):
        number(0)(text.removesuffix("min"))
        return text
    return integer(1)(text)


def number(minimum: float, maximum: float = math.inf) -> Callable[[str], float]:
    """Returns the type of numbers from `minimum` to `maximum`, within the range of float32."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum or math.isinf(value):
            wanted = f"of at least {minimum:g}"
            if not math.isinf(maximum):
                wanted = f"from {minimum:g} to {maximum:g}"
            raise argparse.ArgumentTypeError(f"got '{text}', expected a number {wanted}")
        if value > FLOAT32_MAX:
            raise argparse.ArgumentTypeError(f"got '{text}', expected a number of at most {FLOAT32_MAX:g}")
        return value

    return parse


def choice(*values: str) -> Callable[[str], str]:
    """Returns the type of a few words."""

    def parse(text: str) -> str:
        if text not in values:
            raise argparse.ArgumentTypeError(f"got '{text}', expected {' or '.join(values)}")
        return text

    return parse


def label(text: str) -> int | str:
    """Parses a class: a number, or a class name that the preset records."""
    return integer(0)(text) if text.isdecimal() else text


def labels(text: str) -> list[int | str]:
    """Parses a list of classes, such as `0,Coat`."""
    return [label(part.strip()) for part in text.split(",")]


def integers(text: str) -> list[int]:
    """Parses a list of nonnegative integers, such as `0,1,2`."""
    return [integer(0)(part) for part in text.split(",")]


def image_shape(text: str) -> list[int]:
    """Parses a shape such as `64,64,3`: height, width, channels."""
    parts = text.split(",")
    if len(parts) != 3:
        raise argparse.ArgumentTypeError(f"got '{text}', expected height,width,channels, such as 64,64,3")
    shape = [integer(1, 65536)(part) for part in parts]
    if shape[-1] not in (1, 3, 4):
        raise argparse.ArgumentTypeError(f"got '{text}', expected 1, 3 or 4 channels")
    return shape


def new_file(suffix: str) -> Callable[[str], Path]:
    """Returns the type of files to write: with this suffix, in a writable folder."""

    def parse(text: str) -> Path:
        path = possible_path(text)
        if path.suffix.lower() != suffix:
            raise argparse.ArgumentTypeError(f"got '{text}', expected a {suffix} file")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"got '{text}', which is a folder, expected a file")
        check_writable(path.parent)
        return path

    return parse


def new_folder(text: str) -> Path:
    """Parses a folder to write in, which may exist."""
    path = possible_path(text)
    existing = path
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise argparse.ArgumentTypeError(f"'{existing}' is a file, expected a folder")
    check_writable(existing)
    return path


def possible_path(text: str) -> Path:
    """Parses a path that is valid in the file system, whether or not it exists."""
    path = Path(text)
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a path")
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise argparse.ArgumentTypeError(f"got '{text}', expected names of at most {LONGEST_NAME} bytes")
    try:
        path.exists()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"'{text}' cannot be used ({error.strerror})") from None
    return path


def check_writable(folder: Path) -> None:
    """Tries to write: file modes are not reliable for root or on read-only disks."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"folder '{folder}' cannot be written ({error.strerror})") from None
