"""Whether there is a data set of a name, and such a split of it: in a moment, without TensorFlow."""

import difflib
import functools
import importlib.util
import os
import re
import warnings
from pathlib import Path

OWN = ("two_moons", "noto_emoji")  # the data sets of this project

# `set`, `set/config`, `set:1.2.3`. Sets with a namespace, as `huggingface:set`, are made by the code of
# strangers, and options of a set could name files.
_NAME_OF_SET = re.compile(r"[A-Za-z]\w*(/[\w.+-]+)?(:(\d+|\*)(\.(\d+|\*)){2})?")

_EXPECTED = "a folder of images, an .npz file, two_moons, or a set of TensorFlow Datasets"

_ADVICE = {
    ".npy": "put the array into an .npz file, numpy.savez(path, x_train=array)",
    ".zip": "unzip it and give the folder",
    ".tar": "unpack it and give the folder",
    ".gz": "unpack it and give the folder",
    ".tgz": "unpack it and give the folder",
}


def check_name(name: str | os.PathLike, split: str | None = None) -> None:
    """Refuses names and paths that are no data set, and splits that a folder or file does not have.

    Args:
      name: as of `data.loading.source`.
      split: None: any will do. Those of TensorFlow Datasets are not checked.

    Raises:
      ValueError: it is no data set (what is alike is named), or has no such split.
      OSError: a path that does not exist, or cannot be used.

    >>> check_name("two_moons", "dev")
    Traceback (most recent call last):
    ValueError: split must be of train, test, got 'dev'.
    """
    name = os.fspath(name)
    path = Path(os.path.expanduser(name))
    if not name or "\0" in name:
        raise ValueError(f"dataset must be {_EXPECTED}, got {name!r}.")
    if path.is_dir():
        _check_split_of_folder(path, split)
    elif path.exists():
        _check_file(path, split)
    elif name == "two_moons":
        if split not in (None, "train", "test"):
            raise ValueError(f"split must be of train, test, got '{split}'.")
    elif name not in OWN and not (_NAME_OF_SET.fullmatch(name) and _base(name) in _tfds_names()):
        raise unknown(name)


def check_name_of_set(name: str) -> None:
    """Refuses what cannot be the name of a set of TensorFlow Datasets: paths, namespaces, options.

    Raises:
      ValueError, FileNotFoundError: it cannot.
    """
    if not _NAME_OF_SET.fullmatch(name):
        raise unknown(name)


def unknown(name: str) -> Exception:
    """The error of a name that is no data set: it names what is alike, not all there are."""
    path = Path(name)
    alike = _alike(path)
    if (":" in name or "=" in name) and not alike and os.sep not in name.partition(":")[0]:
        return ValueError(f"dataset must be {_EXPECTED} without namespace or options, got '{name}'.")
    if os.sep in name or path.suffix:
        hint = f": did you mean {alike}?" if alike else f", and must be {_EXPECTED}."
        return FileNotFoundError(f"dataset '{name}' does not exist{hint}")
    sets = difflib.get_close_matches(_base(name), [*OWN, *_downloadable()], n=3, cutoff=0.6)
    alike = " or ".join(sets) or alike
    hint = f"did you mean {alike}?" if alike else "there is no folder and no set of that name."
    return ValueError(f"dataset must be {_EXPECTED}, got '{name}': {hint}")


def not_a_data_set(path: Path) -> ValueError:
    """The error of a file that is there and of another kind."""
    advice = _ADVICE.get(path.suffix.lower(), "it is neither")
    return ValueError(f"dataset must be a folder of images or an .npz file, got '{path}': {advice}.")


def _check_split_of_folder(folder: Path, split: str | None) -> None:
    from .image_folders import list_images  # reads pictures with libraries that take a while to import

    if split is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come when the folder is read
            list_images(folder, split)


def _check_file(path: Path, split: str | None) -> None:
    if path.suffix.lower() != ".npz":
        raise not_a_data_set(path)
    from .array_files import array_names

    names = array_names(path)
    if split is not None and f"x_{split}" not in names:
        raise ValueError(f"dataset '{path}' must have x_{split}, got {', '.join(names)}.")


def _base(name: str) -> str:
    """The set's name, without configuration and version."""
    return re.split("[/:]", name)[0]


def _alike(path: Path) -> str:
    """What is alike beside a path that is not there, in words; empty if nothing is."""
    try:
        beside = [entry.name for entry in path.expanduser().absolute().parent.iterdir()]
    except (OSError, RuntimeError):  # the home of a user who is not there
        return ""
    alike = difflib.get_close_matches(path.name, beside, n=3, cutoff=0.6)
    return " or ".join(str(path.with_name(name)) for name in alike)


def _downloadable() -> list[str]:
    """The names of most sets of TensorFlow Datasets, and no others."""
    root = _tfds_root()
    return [path.stem for path in (root / "url_checksums").glob("*.txt")] if root else []


@functools.cache
def _tfds_names() -> frozenset[str]:
    """The names of all image sets of TensorFlow Datasets, among others.

    They are those of its files: to ask it for its list would import TensorFlow. The sets that are prepared
    already count too.
    """
    names = set()
    prepared = Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    if prepared.is_dir():
        names |= {entry.name for entry in prepared.iterdir()}
    root = _tfds_root()
    for _, folders, files in os.walk(root) if root else ():
        names |= {*folders, *(os.path.splitext(file)[0] for file in files)}
    return frozenset(names)


def _tfds_root() -> Path | None:
    spec = importlib.util.find_spec("tensorflow_datasets")
    return Path(spec.submodule_search_locations[0]) if spec else None
