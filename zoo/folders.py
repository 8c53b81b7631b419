"""Atomic writes of files and folders, even if the writing process is killed.

They are written in a hidden folder `.latentzoo-XXXXXXXX` in the parent folder, and then renamed:

    lock    held by the writer during its lifetime
    new/    what is being written, under its own name
    old/    what is being replaced, if the system cannot exchange two folders atomically

The next writer in the same parent folder removes the hidden folders of writers that have died.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .exchange import exchange
from .locks import lock_file, locked

PREFIX = ".latentzoo-"

# The descriptors of the locks of the hidden folders that this process writes to.
_held: dict[Path, int] = {}


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path to write a file to, which replaces `path` at the end of the `with` block.

    Links are followed, and the permissions of an existing file are kept.

    Raises:
      OSError: it cannot be written.
    """
    place = Path(os.path.realpath(path))
    hidden = None
    try:
        hidden = _hidden_folder(place.parent)
        scratch = hidden / "new" / place.name
        yield scratch
        if place.is_file():
            shutil.copymode(place, scratch)
        os.replace(scratch, place)
    except OSError as error:
        # The error of a full disk has no path, and that of the hidden folder means nothing to the user.
        if error.errno is not None and (not error.filename or PREFIX in str(error.filename) or not hidden):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        _remove(hidden)


def write(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file atomically.

    Raises:
      OSError: it cannot be written.
    """
    with replacing(path) as scratch:
        scratch.write_bytes(content)


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yields a new folder to write to, which replaces `folder` at the end of the `with` block.

    Raises:
      OSError: it cannot be written.
    """
    scratch = scratch_beside(folder)
    try:
        yield scratch
        put_in_place(scratch, folder)
    finally:
        discard(scratch)


def scratch_beside(folder: Path) -> Path:
    """Creates a hidden folder next to `folder`, for `put_in_place` or `discard`, and missing parents.

    Raises:
      OSError: it cannot be created.
    """
    hidden = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        hidden = _hidden_folder(folder.parent)
        scratch = hidden / "new" / folder.name
        scratch.mkdir()
        return scratch
    except OSError as error:
        _remove(hidden)
        raise OSError(f"'{folder}' cannot be written: {error.strerror}.") from None


def put_in_place(scratch: Path, folder: Path) -> None:
    """Renames `scratch`, made by `scratch_beside`, to `folder`; an existing folder is removed.

    If the system can exchange two folders atomically, one of the two exists at any time.
    """
    while not (_renamed(scratch, folder) or _exchanged(scratch, folder)):
        pass  # another process created or removed the folder between the two attempts
    discard(scratch)


def discard(scratch: Path) -> None:
    """Removes a folder made by `scratch_beside`, if it still exists."""
    _remove(scratch.parent.parent)


def _renamed(scratch, folder):
    """Renames `scratch` if `folder` is missing or empty; returns whether it did."""
    try:
        scratch.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not isinstance(error, FileExistsError):
            raise
        return False
    return True


def _exchanged(scratch, folder):
    """Exchanges `scratch` with an existing folder; returns whether there was one."""
    try:
        exchange(scratch, folder)
    except NotImplementedError:
        return _exchanged_by_renames(scratch, folder)
    except FileNotFoundError:
        return False
    return True


def _exchanged_by_renames(scratch, folder):
    """Does the same in two steps. The old folder is restored if the second step fails."""
    old = scratch.parent.parent / "old" / folder.name
    old.parent.mkdir(exist_ok=True)
    try:
        folder.rename(old)
    except FileNotFoundError:
        return False
    try:
        scratch.rename(folder)
    except BaseException:
        if not folder.exists():
            old.rename(folder)
        raise
    return True


def _hidden_folder(parent):
    """Creates a locked hidden folder in `parent`, and removes those of dead processes."""
    with locked(parent):
        _remove_leftovers(parent)
        hidden = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        _held[hidden] = lock_file(hidden / "lock")
    (hidden / "new").mkdir()
    return hidden


def _remove(hidden):
    descriptor = _held.pop(hidden, None)
    if descriptor is not None:
        shutil.rmtree(hidden, ignore_errors=True)
        os.close(descriptor)


def _remove_leftovers(parent):
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
    for hidden in (parent / name for name in names):
        try:
            descriptor = lock_file(hidden / "lock", wait=False, create=False)
        except FileNotFoundError:  # its writer died before or after it held the lock
            shutil.rmtree(hidden, ignore_errors=True)
        except OSError:  # its writer is alive, or belongs to another user
            continue
        else:
            _bring_back(hidden / "old", parent)
            shutil.rmtree(hidden, ignore_errors=True)
            os.close(descriptor)


def _bring_back(old, parent):
    """Undoes a two-step exchange whose writer died between the steps."""
    for folder in old.iterdir() if old.is_dir() else ():
        if not (parent / folder.name).exists():
            folder.rename(parent / folder.name)
