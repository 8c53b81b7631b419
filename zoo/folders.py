"""Files and folders that are there whole or not at all, also when their writer is killed.

They are written in a hidden folder beside their place, `.latentzoo-XXXXXXXX`, and one rename puts them there:

    lock    held by the writer for as long as it lives
    new/    what is being written, under its own name
    old/    what was there before, where the system cannot exchange two folders in one step

Whoever writes beside next removes the hidden folders of writers that have died.
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

# The descriptors of the locks of the hidden folders that this process writes in.
_held: dict[Path, int] = {}


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a path to write a file to. What is there at the end of the `with` becomes the file `path`.

    A link is followed, and the permissions of a file that is there are kept.

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
        # A full disk has no name, and the hidden folder's means nothing to the user.
        if error.errno is not None and (not error.filename or PREFIX in str(error.filename) or not hidden):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        _remove(hidden)


def write(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
      OSError: it cannot be written.
    """
    with replacing(path) as scratch:
        scratch.write_bytes(content)


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Gives a new folder to write in. At the end of the `with` it takes the place of `folder`.

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
    """A new folder, hidden beside `folder`, for `put_in_place` or `discard`. Parents are made.

    Raises:
      OSError: it cannot be written there.
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
    """Renames `scratch`, made by `scratch_beside`, to `folder`; what was there is removed.

    Where the system can exchange two folders in one step, everybody finds one of the two at any moment.
    """
    while not (_renamed(scratch, folder) or _exchanged(scratch, folder)):
        pass  # somebody made or removed the folder between the two tries
    discard(scratch)


def discard(scratch: Path) -> None:
    """Removes a folder that `scratch_beside` made, if it is still there."""
    _remove(scratch.parent.parent)


def _renamed(scratch, folder):
    """Whether nothing was at `folder`, or an empty folder, and now `scratch` is."""
    try:
        scratch.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not isinstance(error, FileExistsError):
            raise
        return False
    return True


def _exchanged(scratch, folder):
    """Whether there was a folder, and now `scratch` is in its place."""
    try:
        exchange(scratch, folder)
    except NotImplementedError:
        return _exchanged_by_renames(scratch, folder)
    except FileNotFoundError:
        return False
    return True


def _exchanged_by_renames(scratch, folder):
    """The same in two steps. What was there comes back if the second fails."""
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
    """A new hidden folder in `parent`, locked, after those of dead processes were removed."""
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
        except FileNotFoundError:  # its writer died before or after it had the lock
            shutil.rmtree(hidden, ignore_errors=True)
        except OSError:  # its writer is alive, or somebody else's
            continue
        else:
            _bring_back(hidden / "old", parent)
            shutil.rmtree(hidden, ignore_errors=True)
            os.close(descriptor)


def _bring_back(old, parent):
    """Undoes an exchange in two steps whose writer died between them."""
    for folder in old.iterdir() if old.is_dir() else ():
        if not (parent / folder.name).exists():
            folder.rename(parent / folder.name)
