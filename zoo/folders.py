"""Files and folders that are there whole or not at all: written under another name, then renamed."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a path beside `path` to write to. What is there at the end of the `with` becomes `path`."""
    path = Path(path)
    scratch = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield scratch
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def scratch_beside(folder: Path) -> Path:
    """A new hidden folder beside `folder`, so that it can be renamed to it. Parents are made.

    Raises:
      OSError: it cannot be written there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OSError(f"'{folder}' cannot be written: {error.strerror}.") from None


def put_in_place(scratch: Path, folder: Path) -> None:
    """Renames `scratch` to `folder`. What was there is moved aside, and comes back if that fails."""
    scratch.chmod(0o755)
    if not folder.exists():
        scratch.rename(folder)
        return
    aside = scratch_beside(folder)
    try:
        folder.rename(aside / "old")
        scratch.rename(folder)
    except BaseException:
        if not folder.exists():
            (aside / "old").rename(folder)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)
