"""Lists a folder of images: which files are images, and the split and class of each."""

import dataclasses
import json
import os
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ..zoo.class_names import in_natural_order
from ..zoo.image_files import SUFFIXES
from .splits import MissingSplit, canonical, is_usual

# Files and folders of operating systems, in lower case; names that start with a dot are hidden too.
_SYSTEM_NAMES = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "lost+found", "@eadir", "#recycle"),
    *("$recycle.bin", "system volume information"),
}

# Written by the official dataset_tool of StyleGAN.
_LABELS_FILE = "dataset.json"


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of a split of a folder.

    Attributes:
      paths: of the images, sorted by folder, then by name.
      class_names: of all splits, sorted; empty if the images are not in folders of classes.
      labels: of the images; None if they have none.
      unlabeled: why the images have no labels, if so.
    """

    paths: list[str]
    class_names: tuple[str, ...]
    labels: list[int] | None
    unlabeled: str = ""


def list_images(folder: str | os.PathLike, split: str) -> Listing:
    """Finds the images of a split in a folder and its subfolders, following links to folders.

    See `data.from_folder` for what is a split and what is a class. Hidden and system files (names that
    start with a dot, `__MACOSX`, `Thumbs.db`) are silently ignored; a warning counts other files that are
    not images.

    Raises:
      MissingSplit: the folder has no such split, or no images in it.
      ValueError: a dataset.json is damaged.
      OSError: a subfolder cannot be read.
    """
    folder = os.fspath(folder)
    paths, left_out = [], []
    for path, is_file in _walk(folder):
        is_image = is_file and os.path.splitext(path)[1].lower() in SUFFIXES
        if is_image or os.path.basename(path) != _LABELS_FILE:
            (paths if is_image else left_out).append(path)
    paths.sort(key=_by_folders)
    if left_out:
        count = len(paths) + len(left_out)
        warnings.warn(
            f"dataset '{folder}': {len(left_out)} of {count} files are skipped because they are not images "
            f"of a known format, such as '{min(left_out, key=_by_folders)}'.",
            stacklevel=2,
        )
    folder = _folder_of_splits(folder, paths)
    tops = _tops(folder, paths)
    split_folders = _split_folders(folder, tops)
    kept = _of_split(folder, split, paths, tops, split_folders)
    if not kept:
        raise MissingSplit(f"dataset '{folder}' has no images for split '{split}'.")
    if (labels_of := _labels_of_file(folder, split_folders)) is not None:
        return _labeled_by_file(kept, labels_of)
    depth = 1 if split_folders else 0
    return _labeled_by_folders(folder, kept, paths, depth)


def _walk(folder: str) -> Iterator[tuple[str, bool]]:
    """Yields each file in and below a folder, and whether it is a regular file; follows links, not loops."""
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [(folder, frozenset())]
    while waiting:
        here, above = waiting.pop()
        status = os.stat(here)
        identity = status.st_dev, status.st_ino
        if identity in above:
            continue
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.casefold() in _SYSTEM_NAMES:
                    continue
                if _is(entry.is_dir):
                    waiting.append((entry.path, above | {identity}))
                else:
                    yield entry.path, _is(entry.is_file)


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:  # a link to itself
        return False


def _by_folders(path: str) -> str:
    """A key that sorts as Paths do, which take ten times the memory."""
    return path.replace(os.sep, "\0")


def _parts(folder: str, path: str) -> list[str]:
    return path.removeprefix(folder).strip(os.sep).split(os.sep)


def _tops(folder: str, paths: list[str]) -> dict[str, str]:
    """Maps each path to the subfolder that contains it; "" for a file in the folder itself."""
    return {path: parts[0] if len(parts := _parts(folder, path)) > 1 else "" for path in paths}


def _folder_of_splits(folder: str, paths: list[str]) -> str:
    """The folder, or its only subfolder if that has the splits, as in unpacked archives."""
    inner = folder
    while len(tops := set(_tops(inner, paths).values())) == 1 and tops != {""}:
        (top,) = tops
        if is_usual(top) or os.path.exists(os.path.join(inner, _LABELS_FILE)):
            break
        inner = os.path.join(inner, top)
        tops = set(_tops(inner, paths).values()) - {""}
        if len({canonical(name) for name in tops if is_usual(name)}) > 1:
            return inner
    return folder


def _warn_of_splits_below(folder: str, tops: dict[str, str]) -> None:
    below = {parts[1] for path in tops if len(parts := _parts(folder, path)) > 2 and is_usual(parts[1])}
    if len({canonical(name) for name in below}) > 1:
        names = " and ".join(f"'{name}'" for name in sorted(below))
        warnings.warn(
            f"dataset '{folder}': subfolders named {names} are not read as splits, because splits must "
            "contain the classes, not the other way around.",
            stacklevel=4,
        )


def _split_folders(folder: str, tops: dict[str, str]) -> set[str]:
    """The subfolders that are splits: at least two, or all there are; otherwise subfolders are classes."""
    counts = Counter(tops.values())
    loose = counts.pop("", 0)
    usual = {name for name in counts if is_usual(name)}
    if not usual:
        _warn_of_splits_below(folder, tops)
        return set()
    others = sorted(set(counts) - usual)
    if len({canonical(name) for name in usual}) == 1 and others:
        warnings.warn(
            f"dataset '{folder}': '{min(usual)}' is read as a class, like '{others[0]}' next to it, because "
            "there is no second split.",
            stacklevel=3,
        )
        return set()
    if aside := loose + sum(counts[name] for name in others):
        example = next(path for path, top in tops.items() if top not in usual)
        warnings.warn(
            f"dataset '{folder}': {aside} images are in none of the splits {', '.join(sorted(usual))}, such "
            f"as '{example}'.",
            stacklevel=3,
        )
    return set(counts)


def _of_split(
    folder: str, split: str, paths: list[str], tops: dict[str, str], split_folders: set[str]
) -> list[str]:
    wanted = canonical(split)
    if wanted == "all":
        return paths
    if split_folders:
        found = {name for name in split_folders if canonical(name) == wanted}
        if not found:
            raise MissingSplit(
                f"split must be a subfolder of '{folder}' or all, got '{split}': it has "
                f"{', '.join(sorted(split_folders))}."
            )
        return [path for path in paths if tops[path] in found]
    if wanted not in ("train", "test"):
        raise MissingSplit(f"split of a folder must be of train, test, all, got '{split}'.")
    return [path for i, path in enumerate(paths) if (i % 10 == 9) == (wanted == "test")]


def _labeled_by_folders(folder: str, kept: list[str], paths: list[str], depth: int) -> Listing:
    def name_of(path):
        parts = _parts(folder, path)[depth:]
        # macOS encodes the same letters differently from other systems.
        return unicodedata.normalize("NFC", parts[0]) if len(parts) > 1 else ""

    names = [name_of(path) for path in kept]
    if "" in names:
        example = kept[names.index("")]
        return Listing(
            kept, (), None, f"must have each image in a subfolder that is its class, got '{example}'"
        )
    classes = tuple(in_natural_order({name_of(path) for path in paths} - {""}))
    numbers = {name: number for number, name in enumerate(classes)}
    return Listing(kept, classes, [numbers[name] for name in names])


def _labels_of_file(folder: str, split_folders: set[str]) -> dict[str, int] | None:
    """The labels in the dataset.json of the folder and of its splits, by path; None without such a file."""
    bases = [folder, *(os.path.join(folder, name) for name in sorted(split_folders))]
    found = [labels for base in bases if (labels := _read_labels(Path(base))) is not None]
    if not found:
        return None
    return {path: label for labels in found for path, label in labels.items()}


def _read_labels(base: Path) -> dict[str, int] | None:
    path = base / _LABELS_FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text("utf-8-sig"))  # Windows adds a byte order mark
    except (ValueError, RecursionError):
        raise ValueError(f"'{path}' is damaged: it is not JSON.") from None
    if not isinstance(content, dict) or "labels" not in content:
        return None  # another tool's file
    pairs = content["labels"] or []
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise ValueError(
            f"'{path}' must have labels that are pairs of a file name and a nonnegative integer."
        )
    return {os.path.join(base, *name.replace("\\", "/").split("/")): label for name, label in pairs}


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list) and [type(part) for part in pair] == [str, int] and 0 <= pair[1] < 2**31


def _labeled_by_file(kept: list[str], labels_of: dict[str, int]) -> Listing:
    """Without class names: dataset_tool's folders are not classes."""
    missing = [path for path in kept if path not in labels_of]
    if missing:
        reason = f"must have labels, and its {_LABELS_FILE} has none for '{missing[0]}'"
        return Listing(kept, (), None, reason)
    return Listing(kept, (), [labels_of[path] for path in kept])
