"""The versions of a model: folders with a number for a name, of which a server takes the highest."""

from pathlib import Path


def versions(base_path: Path) -> list[int]:
    """The versions in a model's folder, increasing. None, if there is no such folder."""
    if not base_path.is_dir():
        return []
    names = (path.name for path in base_path.iterdir() if path.is_dir())
    return sorted(int(name) for name in names if name.isdecimal())


def next_version(base_path: Path) -> int:
    return max(versions(base_path), default=0) + 1
