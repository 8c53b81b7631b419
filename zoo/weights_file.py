"""The weights of a model as a Keras HDF5 file: written atomically, and validated before it is loaded.

Keras skips missing and unknown weights. So before Keras reads a file, its data sets are compared with those
that Keras would write for the model, by path, shape and dtype.
"""

import io
import math
import os
from collections.abc import Iterator

import h5py
import keras
import ml_dtypes
import numpy as np

from . import folders

# Parts of models that were renamed since version 0.1: old name and new name in files.
_RENAMED = {"augment": "augmentation"}


class _NamedBuffer(io.BytesIO):
    """An in-memory file whose name determines the format for Keras."""

    def __init__(self, name: str, content: bytes = b""):
        super().__init__(content)
        self._name = name

    def __str__(self):
        return self._name


def serialized(model: keras.Model) -> bytes:
    """Returns Keras's weights file. It is built in memory, as HDF5 crashes the process if a disk is full."""
    buffer = _NamedBuffer("model.weights.h5")
    keras.saving.save_weights(model, buffer)
    return buffer.getvalue()


def write(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes the weights atomically.

    Raises:
      OSError: they cannot be written.
    """
    folders.write(path, serialized(model))


def write_archive(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes a `.keras` file atomically.

    Raises:
      OSError: it cannot be written.
    """
    buffer = _NamedBuffer("model.keras")
    keras.saving.save_model(model, buffer)
    folders.write(path, buffer.getvalue())


def is_written_here(path, ending: str, overwrite: bool) -> bool:
    """Whether `path` is a local file with this ending that Keras would write without prompting."""
    is_path = isinstance(path, str | os.PathLike) and str(path).endswith(ending) and "://" not in str(path)
    return is_path and (overwrite or not os.path.exists(path))


def read(content: bytes) -> dict[str, np.ndarray]:
    """Reads the data sets of a file, by path. They take no more memory than the size of the file.

    Raises:
      ValueError: it is not an HDF5 file or is damaged, or its data is external, compressed or not numeric.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return {path: _numbers(path, data_set) for path, data_set in _data_sets(file)}
    except Exception as error:  # HDF5 raises many types for damaged files
        raise ValueError(_line(error)) from None


def load(model: keras.Model, content: bytes, found: dict[str, np.ndarray]) -> None:
    """Sets all weights of `model` to those of a file.

    Args:
      content: content of the file.
      found: the result of `read` for it.

    Raises:
      ValueError: the file does not have exactly the model's weights, or they are not all finite.
    """
    check(found, read(serialized(model)))
    keras.saving.load_weights(model, _NamedBuffer("model.weights.h5", content))


def check_store(model: keras.Model, store) -> None:
    """Applies `check` to a file that Keras is about to read into `model`.

    Variables added by `compile`, such as the optimizer's slots, are ignored.

    Args:
      model: a model that has all its weights.
      store: the argument of `load_own_variables`. A store for part of a file, or for several, is not checked.

    Raises:
      ValueError: the file does not have exactly the model's weights, or they are not all finite.
    """
    file = getattr(store, "h5_file", None)
    if file is None or getattr(store, "_h5_entry_path", None) or hasattr(store, "max_shard_size"):
        return
    expected = read(serialized(model))
    expected = {path: array for path, array in expected.items() if not _is_of_training(path)}
    parts = {_part(path) for path in expected}
    found = {
        path: _numbers(path, data_set)
        for path, data_set in _data_sets(file)
        if _part(_renamed(path)) in parts and not _is_of_training(path)
    }
    check(found, expected)


def _is_of_training(path):
    """Whether a path is of an optimizer or of a GAN's training state; only weights have numbers as names."""
    return _part(path).endswith("optimizer") or (
        path.startswith("vars/") and not path.removeprefix("vars/").isdecimal()
    )


def _renamed(path):
    first = _part(path)
    return _RENAMED.get(first, first) + path.removeprefix(first)


def _part(path):
    return path.split("/")[0]


def check(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Compares the paths, shapes and dtypes of two files, and checks that the first has only finite values.

    Raises:
      ValueError: they differ; the message names the first difference.
    """
    found = {_renamed(path): array for path, array in found.items()}
    for path in sorted(found.keys() | expected.keys()):
        if path not in found:
            raise ValueError(f"it lacks '{path}'")
        if path not in expected:
            raise ValueError(f"it has '{path}', which is no weight of the model")
        ours, theirs = (f"{list(x[path].shape)} of {x[path].dtype}" for x in (expected, found))
        if ours != theirs:
            raise ValueError(f"'{path}' is {theirs}, expected {ours}")
        if not np.isfinite(found[path]).all():
            raise ValueError(f"'{path}' has values that are not finite")


def _data_sets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields the data sets of a file; each must have only one path, and none may be in another file."""
    groups, seen = [("", file)], set()
    while groups:
        prefix, group = groups.pop()
        for name in group:
            path = f"{prefix}{name}"
            if type(group.get(name, getlink=True)) is not h5py.HardLink:
                raise ValueError(f"'{path}' is a link")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise ValueError(f"'{path}' is there under another name too")
            seen.add(address)
            if isinstance(item, h5py.Group):
                groups.append((f"{path}/", item))
            else:
                yield path, item


def _numbers(path: str, data_set: h5py.Dataset) -> np.ndarray:
    if not isinstance(data_set, h5py.Dataset) or data_set.is_virtual or data_set.external:
        raise ValueError(f"'{path}' does not hold its own data")
    is_bfloat16 = data_set.attrs.get("dtype") == "bfloat16"  # unknown to HDF5, so Keras marks it
    if not is_bfloat16 and data_set.dtype.kind not in "biuf":
        raise ValueError(f"'{path}' has the dtype {data_set.dtype}, expected numbers")
    if math.prod(data_set.shape) * data_set.dtype.itemsize > data_set.id.get_storage_size():
        raise ValueError(f"'{path}' has fewer bytes than its shape {list(data_set.shape)} needs")
    return np.array(data_set, ml_dtypes.bfloat16 if is_bfloat16 else None)


def _line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
