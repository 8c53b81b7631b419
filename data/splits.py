"""The names of the splits of a dataset, and their spellings."""

_SPELLINGS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("validation", "valid", "val", "dev"),
}
_KNOWN = {spelling: split for split, spellings in _SPELLINGS.items() for spelling in spellings}


class MissingSplit(ValueError):
    """The dataset exists, but has no such split."""


def canonical(name: str) -> str:
    """Returns the usual name of a split, ignoring case and spelling; other names in lower case.

    >>> canonical("Val"), canonical("TRAIN"), canonical("extra")
    ('validation', 'train', 'extra')
    """
    return _KNOWN.get(name.casefold(), name.casefold())


def is_usual(name: str) -> bool:
    """Returns whether it is a usual name of a split, ignoring case."""
    return name.casefold() in _KNOWN
