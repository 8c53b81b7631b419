"""Checks the names of datasets and splits quickly, without importing TensorFlow."""

import difflib
import functools
import importlib.util
import os
import re
import warnings
from pathlib import Path

OWN = ("two_moons", "noto_emoji")  # the datasets of this project

# `name`, `name/config`, `name:1.2.3`. Datasets with a namespace, as `huggingface:name`, run untrusted
# code, and options of a dataset could name files.
_TFDS_NAME = re.compile(r"[A-Za-z]\w*(/[\w.+-]+)?(:(\d+|\*)(\.(\d+|\*)){2})?")

_EXPECTED = "a folder of images, an .npz file, two_moons, or a dataset of TensorFlow Datasets"

_ADVICE = {
    ".npy": "put the array into an .npz file, numpy.savez(path, x_train=array)",
    ".zip": "unzip it and give the folder",
    ".tar": "unpack it and give the folder",
    ".gz": "unpack it and give the folder",
    ".tgz": "unpack it and give the folder",
}


def check_name(name: str | os.PathLike, split: str | None = None) -> None:
    """Checks that a name or path is a dataset, and that a folder or file has a split.

    Args:
      name: as in `data.loading.source`.
      split: None: any. Splits of TensorFlow Datasets are not checked.

    Raises:
      ValueError: there is no such dataset (the message suggests similar names), or no such split of it.
      OSError: the path does not exist or cannot be read.

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
    elif name not in OWN and not (_TFDS_NAME.fullmatch(name) and _base(name) in _tfds_names()):
        raise unknown_dataset(name)


def check_tfds_name(name: str) -> None:
    """Checks that a string can be the name of a dataset of TensorFlow Datasets: no path, namespace, options.

    Raises:
      ValueError, FileNotFoundError: it cannot.
    """
    if not _TFDS_NAME.fullmatch(name):
        raise unknown_dataset(name)


def unknown_dataset(name: str) -> Exception:
    """Returns the error for a name that is not a dataset, which suggests similar names."""
    path = Path(name)
    similar = _similar_paths(path)
    if (":" in name or "=" in name) and not similar and os.sep not in name.partition(":")[0]:
        return ValueError(f"dataset must be {_EXPECTED} without namespace or options, got '{name}'.")
    if os.sep in name or path.suffix:
        hint = f": did you mean {similar}?" if similar else f", and must be {_EXPECTED}."
        return FileNotFoundError(f"dataset '{name}' does not exist{hint}")
    names = difflib.get_close_matches(_base(name), [*OWN, *_downloadable()], n=3, cutoff=0.6)
    similar = " or ".join(names) or similar
    hint = f"did you mean {similar}?" if similar else "there is no folder and no dataset of that name."
    return ValueError(f"dataset must be {_EXPECTED}, got '{name}': {hint}")


def unsupported_file(path: Path) -> ValueError:
    """Returns the error for an existing file of an unsupported type."""
    advice = _ADVICE.get(path.suffix.lower(), "it is neither")
    return ValueError(f"dataset must be a folder of images or an .npz file, got '{path}': {advice}.")


def _check_split_of_folder(folder: Path, split: str | None) -> None:
    from .image_folders import list_images  # its libraries take a while to import

    if split is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # reading the folder will warn
            list_images(folder, split)


def _check_file(path: Path, split: str | None) -> None:
    if path.suffix.lower() != ".npz":
        raise unsupported_file(path)
    from .array_files import array_names

    names = array_names(path)
    if split is not None and f"x_{split}" not in names:
        raise ValueError(f"dataset '{path}' must have x_{split}, got {', '.join(names)}.")


def _base(name: str) -> str:
    """The name without configuration and version."""
    return re.split("[/:]", name)[0]


def _similar_paths(path: Path) -> str:
    """The similarly named neighbors of a missing path, joined by "or"; empty if there are none."""
    try:
        siblings = [entry.name for entry in path.expanduser().absolute().parent.iterdir()]
    except (OSError, RuntimeError):  # RuntimeError: the home of a user that does not exist
        return ""
    similar = difflib.get_close_matches(path.name, siblings, n=3, cutoff=0.6)
    return " or ".join(str(path.with_name(name)) for name in similar)


def _downloadable() -> list[str]:
    """The names of most datasets of TensorFlow Datasets, and no others."""
    root = _tfds_root()
    return [path.stem for path in (root / "url_checksums").glob("*.txt")] if root else []


@functools.cache
def _tfds_names() -> frozenset[str]:
    """A superset of the names of the image datasets of TensorFlow Datasets.

    Taken from the names of its files, since its own list would import TensorFlow, and from the datasets that
    are already prepared.
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
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
