"""Reads untrusted paths: only regular files, no pipes, devices or folders."""

import os
import stat


def read(path: str | os.PathLike, most: int | None = None) -> bytes:
    """Reads a regular file, or one that a link points to.

    Args:
      path: path of the file.
      most: maximum number of bytes; one more is read, so that the caller can detect longer files.

    Raises:
      FileNotFoundError: there is no such file.
      OSError: it is a folder, a pipe or a device, or it cannot be read; the message names it.
    """
    try:
        # Opening a pipe without a writer would block.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                # Python allocates as much as it may read.
                return file.read() if most is None else file.read(min(most, status.st_size) + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"'{path!s:.1000}' cannot be read: {reason}.") from None
    raise OSError(f"'{path}' is no regular file.")
