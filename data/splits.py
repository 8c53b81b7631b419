"""The names of the parts of a data set: which spellings mean the same part."""

_SPELLINGS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("validation", "valid", "val", "dev"),
}
_KNOWN = {spelling: split for split, spellings in _SPELLINGS.items() for spelling in spellings}


class MissingSplit(ValueError):
    """The data set is there, but has no such split."""


def canonical(name: str) -> str:
    """The usual name of a split, whatever its case and spelling; other names in lower case.

    >>> canonical("Val"), canonical("TRAIN"), canonical("extra")
    ('validation', 'train', 'extra')
    """
    return _KNOWN.get(name.casefold(), name.casefold())


def is_usual(name: str) -> bool:
    """Whether it is a usual name of a split, whatever its case."""
    return name.casefold() in _KNOWN
