"""Types of arguments, which check them before any slow work, and arguments that commands share."""

import argparse
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..zoo.deprecation import warn_of_old_name

LARGEST = 2**31 - 1  # of the integers that TensorFlow takes
FLOAT32_MAX = 3.4e38

# Of a file's name, in bytes: file systems take 255, and files are first written under longer names.
LONGEST_NAME = 220


def add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="a preset's name (see latentzoo list) or folder")


def add_picture(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--out", type=new_file(".png"), default=default, help="PNG to write (default %(default)s)"
    )


def add_dataset(parser: argparse.ArgumentParser, split: str | None) -> None:
    """`--dataset` and `--split`; split: the default, None: see `models.usual_split`."""
    parser.add_argument(
        "--dataset",
        help="an image set of TensorFlow Datasets, a folder of images, an .npz file with x_train, "
        "y_train, x_test, y_test, or two_moons (default: what the preset was trained on)",
    )
    usual = split or "that of the preset's recorded scores, or test"
    parser.add_argument("--split", default=split, help=f"(default {usual})")


def add_label(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--label", type=label, help="class of the images, for a conditional model: its number or name"
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=integer(0), default=0, help="of all random numbers (default %(default)s)"
    )


def add_old_flag(parser: argparse.ArgumentParser, old: str, flag: argparse.Action) -> None:
    """Lets a flag be given by its old name too, with a DeprecationWarning."""
    new = flag.option_strings[0]

    class OldFlag(argparse.Action):
        def __call__(self, parser, namespace, values, option_string=None):
            warn_of_old_name(old, new)
            setattr(namespace, self.dest, values)

    parser.add_argument(
        old,
        action=OldFlag,
        dest=flag.dest,
        type=flag.type,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


def changed(arguments: argparse.Namespace, **values: object) -> argparse.Namespace:
    """A copy of a command's arguments with other values."""
    return argparse.Namespace(**{**vars(arguments), **values})


def integer(minimum: int, maximum: int = LARGEST) -> Callable[[str], int]:
    """The type of integers from `minimum` to `maximum`."""

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
    """The type of intervals: a number of steps, as `1000`, or of minutes, as `10min`."""
    if text.endswith("min"):
        number(0)(text.removesuffix("min"))
        return text
    return integer(1)(text)


def number(minimum: float, maximum: float = math.inf) -> Callable[[str], float]:
    """The type of numbers from `minimum` to `maximum`, within what float32 holds."""

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
    """The type of words of which there are a few."""

    def parse(text: str) -> str:
        if text not in values:
            raise argparse.ArgumentTypeError(f"got '{text}', expected {' or '.join(values)}")
        return text

    return parse


def label(text: str) -> int | str:
    """The type of classes: a number, or a name that the preset records."""
    return integer(0)(text) if text.isdecimal() else text


def labels(text: str) -> list[int | str]:
    """The type of lists of them, such as `0,Coat`."""
    return [label(part.strip()) for part in text.split(",")]


def integers(text: str) -> list[int]:
    """The type of lists such as `0,1,2` of integers that are not negative."""
    return [integer(0)(part) for part in text.split(",")]


def image_shape(text: str) -> list[int]:
    """The type of shapes such as `64,64,3`: height, width, channels."""
    parts = text.split(",")
    if len(parts) != 3:
        raise argparse.ArgumentTypeError(f"got '{text}', expected height,width,channels, as 64,64,3")
    shape = [integer(1, 65536)(part) for part in parts]
    if shape[-1] not in (1, 3, 4):
        raise argparse.ArgumentTypeError(f"got '{text}', expected 1, 3 or 4 channels")
    return shape


def new_file(suffix: str) -> Callable[[str], Path]:
    """The type of files to write: with this suffix, in a folder that can be written."""

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
    """The type of folders to write in, which may be there already."""
    path = possible_path(text)
    existing = path
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise argparse.ArgumentTypeError(f"'{existing}' is a file, expected a folder")
    check_writable(existing)
    return path


def possible_path(text: str) -> Path:
    """The type of paths that the file system can have, whether or not there is such a file."""
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
    """Tries to write: file modes alone do not tell for root, nor on read-only disks."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"folder '{folder}' cannot be written ({error.strerror})") from None
