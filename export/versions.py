"""The versions of a model: folders named by a number, of which a server takes the highest."""

from pathlib import Path


def versions(base_path: Path) -> list[int]:
    """Returns the versions in a model's folder, increasing; an empty list if the folder does not exist."""
    if not base_path.is_dir():
        return []
    names = (path.name for path in base_path.iterdir() if path.is_dir())
    return sorted(int(name) for name in names if name.isdecimal())


def next_version(base_path: Path) -> int:
    """Returns the version after the newest one; the first is 1."""
    return max(versions(base_path), default=0) + 1
