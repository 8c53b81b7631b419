"""Matches names of classes, such as those of a model to those of a dataset."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence


def match(names: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """Returns the index in `known` of each of `names`, or None; no index is returned twice.

    Names match if they are equal, else if they differ only in case, spaces and punctuation, else if one is an
    alternative of the other, such as "T-shirt" of "T-shirt/top". Ambiguous names match nothing.

    >>> match(["ankle_boot", "T-shirt", "Coat", "cat"], ["T-shirt/top", "Coat", "Ankle boot"])
    [2, 0, 1, None]
    >>> match(["07"], ["5", "6", "7"])
    [2]
    """
    found: list[int | None] = [None] * len(names)
    for spellings in (_exact, _plain, _alternatives):
        numbers, own = _unambiguous(known, spellings), _unambiguous(names, spellings)
        for place, name in enumerate(names):
            if found[place] is not None:
                continue
            candidates = {numbers[text] for text in spellings(name) if text in numbers and text in own}
            if len(candidates) == 1 and not candidates & set(found):
                found[place] = candidates.pop()
    return found


def listed(names: Sequence[str], most: int = 5) -> str:
    """Formats names for use in a sentence.

    >>> listed(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Returns the names sorted; numerically if all are whole numbers.

    >>> in_natural_order(["10", "9", "1"]), in_natural_order(["b", "10", "9"])
    (['1', '9', '10'], ['10', '9', 'b'])
    """
    names = list(names)
    if all(name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (len(name.lstrip("0")), name.lstrip("0"), name))
    return sorted(names)


def _unambiguous(names: Sequence[str], spellings: Callable[[str], set[str]]) -> dict[str, int]:
    """Maps each spelling that belongs to exactly one name to the index of that name."""
    count = Counter(text for name in names for text in spellings(name))
    places = ((text, place) for place, name in enumerate(names) for text in spellings(name))
    return {text: place for text, place in places if count[text] == 1}


def _exact(name: str) -> set[str]:
    return {unicodedata.normalize("NFC", name)}  # some file systems decompose accented letters


def _plain(name: str) -> set[str]:
    name = unicodedata.normalize("NFKC", name).casefold()
    plain = "".join(letter for letter in name if unicodedata.category(letter)[0] not in "PZC")
    if plain.isdecimal():
        plain = plain.lstrip("0") or "0"
    return {plain or name}


def _alternatives(name: str) -> set[str]:
    return set().union(*(_plain(part) for part in (name, *name.replace(",", "/").split("/")) if part))
