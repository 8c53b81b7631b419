"""Reading what a stranger's path leads to: files, never pipes, devices or folders."""

import os
import stat


def read(path: str | os.PathLike, most: int | None = None) -> bytes:
    """The content of a regular file, or of one that a link leads to.

    Args:
      path: of the file.
      most: bytes that are read, and one more, by which the reader knows that there are too many.

    Raises:
      FileNotFoundError: there is none.
      OSError: it is a folder, a pipe or a device, or it cannot be read; the message names it.
    """
    try:
        # Without a writer, a pipe would block.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                # Python reserves as much as it may read.
                return file.read() if most is None else file.read(min(most, status.st_size) + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"'{path!s:.1000}' cannot be read: {reason}.") from None
    raise OSError(f"'{path}' is no regular file.")
