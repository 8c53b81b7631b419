"""Class names: the same name in other spellings, and what is left unmatched."""

import pytest

from latentzoo.zoo.class_names import in_natural_order, match

CLOTHES = ["T-shirt/top", "Trouser", "Dress", "Shirt", "Ankle boot"]


@pytest.mark.parametrize(
    "names, known, expected",
    [
        (CLOTHES[::-1], CLOTHES, [4, 3, 2, 1, 0]),
        (["ANKLE_BOOT", "shirt", "T-shirt top"], CLOTHES, [4, 3, 0]),
        (["Shirt", "T-shirt"], CLOTHES, [3, 0]),  # a folder's name has no slash
        (["T-shirt", "top"], CLOTHES, [0, None]),  # one class each
        (["boot"], CLOTHES, [None]),
        (["a", "A"], ["A", "a"], [1, 0]),  # letters, not words
        (["a"], ["A", "á"], [0]),
        (["C#", "C"], ["C", "C++", "C#"], [2, 0]),
        (["007", "1"], ["1", "7"], [1, 0]),
        (["-1", "1"], ["1", "-1"], [1, 0]),
        (["e\u0301te\u0301"], ["\u00e9t\u00e9"], [0]),
        (["..."], ["---"], [None]),
        (["tench"], ["goldfish, Carassius auratus", "tench, Tinca tinca"], [1]),
        ([], CLOTHES, []),
    ],
)
def test_names_in_other_spellings(names, known, expected):
    assert match(names, known) == expected


def test_numbers_are_in_the_order_of_their_values():
    assert in_natural_order({"10", "2", "0"}) == ["0", "2", "10"]
    assert in_natural_order(["02", "1", "2"]) == ["1", "02", "2"]
    assert in_natural_order(["b", "a", "10"]) == ["10", "a", "b"]
