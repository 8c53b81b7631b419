"""Arrays in untrusted .npz files: sizes are checked before memory is allocated, and nothing is unpickled."""

import contextlib
import math
import os
import zipfile
from collections.abc import Iterator

import numpy as np

_MAX_DEFLATE_RATIO = 1032  # a limit of the deflate format


def array_names(path: str | os.PathLike) -> tuple[str, ...]:
    """Returns the names of the arrays in an .npz file.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged or not an .npz file.
    """
    with _opened(path) as archive:
        return tuple(_members(archive))


def read_array(path: str | os.PathLike, name: str) -> np.ndarray:
    """Reads one array of an .npz file, by one of its `array_names`.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged, or the array holds Python objects or does not fit into memory.
    """
    with _opened(path) as archive:
        info = _members(archive)[name]
        _check_size(path, name, archive, info)
        try:
            with archive.open(info) as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
                if member.read(1):  # reading to the end also makes zipfile compare checksums
                    raise ValueError("bytes are left over")
        except MemoryError:
            raise _Refused(f"dataset '{path}': {name} does not fit into memory.") from None
        return array


class _Refused(ValueError):
    """An array is not read; the message names the file."""


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Opens an archive; within the `with`, damage raises a ValueError that names the file."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"dataset '{path}' does not exist.")
    if not os.path.isfile(path):
        raise OSError(f"dataset '{path}' is not a regular file.")
    try:
        archive = zipfile.ZipFile(path)
    except OSError:
        raise
    except Exception:  # zipfile raises many types of errors for damaged files
        raise ValueError(f"dataset '{path}' is damaged: it is not an .npz file.") from None
    with archive:
        try:
            yield archive
        except _Refused:
            raise
        except Exception as error:  # as do zlib and NumPy
            what = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
            raise ValueError(f"dataset '{path}' is damaged: {what}.") from None


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    return {info.filename.removesuffix(".npy"): info for info in infos if info.filename.endswith(".npy")}


def _check_size(path: str | os.PathLike, name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Rejects an array whose header and archive disagree on its size, before reading any of it."""
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} has format version {version}")
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, _, dtype = read_header(member)
        if dtype.hasobject:
            raise _Refused(
                f"dataset '{path}': {name} holds Python objects, which are not loaded (allow_pickle=False)."
            )
        size = math.prod(shape) * dtype.itemsize
        stored = min(info.compress_size, os.path.getsize(path))
        if member.tell() + size != info.file_size or size > _MAX_DEFLATE_RATIO * stored:
            raise ValueError(f"the header of {name} declares {size:,} bytes, which the file does not have")
    if size > _memory():
        raise _Refused(f"dataset '{path}': {name} of {size:,} bytes does not fit into memory.")


def _memory() -> int:
    """The memory of this machine in bytes, where the system reports it."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**63
