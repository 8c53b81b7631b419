"""Arrays in .npz files of strangers: sizes are checked before memory is taken, and nothing is unpickled."""

import contextlib
import math
import os
import zipfile
from collections.abc import Iterator

import numpy as np

_MOST_DEFLATED = 1032  # times what is stored, by the format of deflate


def array_names(path: str | os.PathLike) -> tuple[str, ...]:
    """The names of the arrays of an .npz file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, or no .npz file.
    """
    with _opened(path) as archive:
        return tuple(_members(archive))


def read_array(path: str | os.PathLike, name: str) -> np.ndarray:
    """An array of an .npz file, by one of its `array_names`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, an array of Python objects, or one larger than the memory.
    """
    with _opened(path) as archive:
        info = _members(archive)[name]
        _check_size(path, name, archive, info)
        try:
            with archive.open(info) as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
                if member.read(1):  # what is behind the last byte is also where zipfile compares checksums
                    raise ValueError("bytes are left over")
        except MemoryError:
            raise _Refused(f"dataset '{path}': {name} does not fit into memory.") from None
        return array


class _Refused(ValueError):
    """An array that is not read; the message names the file."""


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Within the `with`, what is damaged is a ValueError that names the file."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"dataset '{path}' does not exist.")
    if not os.path.isfile(path):
        raise OSError(f"dataset '{path}' is not a regular file.")
    try:
        archive = zipfile.ZipFile(path)
    except OSError:
        raise
    except Exception:  # zipfile raises many kinds for damaged files
        raise ValueError(f"dataset '{path}' is damaged: it is no .npz file.") from None
    with archive:
        try:
            yield archive
        except _Refused:
            raise
        except Exception as error:  # so do zlib and NumPy
            what = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
            raise ValueError(f"dataset '{path}' is damaged: {what}.") from None


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    return {info.filename.removesuffix(".npy"): info for info in infos if info.filename.endswith(".npy")}


def _check_size(path, name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Refuses an array whose header and archive do not agree on its size, before any of it is read."""
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} has version {version} of the format")
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, _, dtype = read_header(member)
        if dtype.hasobject:
            raise _Refused(
                f"dataset '{path}': {name} holds Python objects, which are not loaded (allow_pickle=False)."
            )
        size = math.prod(shape) * dtype.itemsize
        stored = min(info.compress_size, os.path.getsize(path))
        if member.tell() + size != info.file_size or size > _MOST_DEFLATED * stored:
            raise ValueError(f"the header of {name} says that it has {size:,} bytes, and it has not")
    if size > _memory():
        raise _Refused(f"dataset '{path}': {name} of {size:,} bytes does not fit into memory.")


def _memory() -> int:
    """The memory of this machine in bytes, where the system tells it."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**63
