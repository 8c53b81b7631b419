"""Locks between processes. The system releases a lock when the process that holds it ends."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FILE = ".latentzoo.lock"  # used where folders themselves cannot be locked: NFS, Windows


# The folders that the thread has locked, so that it does not wait for itself.
_mine = threading.local()


@contextlib.contextmanager
def locked(folder: str | os.PathLike) -> Iterator[None]:
    """Locks a folder: other threads, processes and hosts that lock the same folder wait.

    Hold this lock only briefly, since all writes to the folder by `folders` wait too. For a longer lock, use
    a separate file, see `lock_file`. If the system can lock folders, nothing is written, and the folder may
    be read-only.

    Args:
        folder: an existing folder.

    Raises:
        OSError: the folder cannot be locked.

    >>> import tempfile
    >>> from latentzoo.zoo.locks import locked
    >>> with locked(tempfile.mkdtemp()):
    ...     pass  # read something, change it, and write it
    """
    key = os.path.realpath(folder)
    mine = _mine.__dict__.setdefault("folders", set())
    if key in mine:
        yield
        return
    descriptor = _lock_folder(Path(folder))
    mine.add(key)
    try:
        yield
    finally:
        mine.discard(key)
        os.close(descriptor)


def lock_file(path: Path, wait: bool = True, create: bool = True) -> int:
    """Opens and locks a file. Closing the returned descriptor, or the end of the process, releases the lock.

    Raises:
        BlockingIOError: it is locked, and `wait` is False. OSError: it cannot be opened or locked.
    """
    return _locked_descriptor(path, os.O_RDWR | (os.O_CREAT if create else 0), wait)


def _lock_folder(folder):
    if fcntl is not None:
        try:
            return _locked_descriptor(folder, os.O_RDONLY, wait=True)
        except OSError:
            if not folder.is_dir():
                raise
    return lock_file(folder / FILE)


def _locked_descriptor(path, flags, wait):
    descriptor = os.open(path, flags, 0o666)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        else:
            _lock_on_windows(descriptor, wait)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock_on_windows(descriptor, wait):
    import msvcrt

    while True:
        try:
            return msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            if not wait:
                raise BlockingIOError("the file is locked") from None
            time.sleep(0.05)
