"""A short run of `make fuzz`: no error but one sentence, nothing run, nothing written, in time."""

import random

import pytest

from . import guard, mutation, run, targets

INPUTS = 4_000


@pytest.fixture(scope="module", autouse=True)
def watched():
    guard.install()


@pytest.mark.parametrize("target", targets.SHARES, ids=lambda target: target.__name__)
def test_damaged_inputs_end_in_one_sentence(target):
    count = max(5, INPUTS * targets.SHARES[target] // sum(targets.SHARES.values()))
    _, faults = run.run_target(target.__name__, 0, count, seed=0)
    assert not faults


def test_the_same_number_is_the_same_input():
    of_bytes, of_words = (mutation.bytes_of, [b"[1, 2]", b"{}"]), (mutation.words_of, [["a", "--b"], ["c"]])
    for mutate, seeds in (of_bytes, of_words):
        first, second = ([mutate(seeds, random.Random(i)) for i in range(50)] for _ in range(2))
        assert first == second
        assert sum(made not in seeds for made in first) > 40


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: __import__("os").system("true"), "did os.system"),
        (lambda: __import__("pickle").loads(b"cos\ngetcwd\n)R."), "did pickle.find_class"),
        (lambda: exec("1"), "did exec of a text"),
        (lambda: open("/dev/null", "w").close(), "did open '/dev/null' for writing"),
        (lambda: [None for _ in iter(int, 1)], "took more than 0.2 s"),
        (lambda: __import__("time").sleep(9), "took more than 0.2 s"),
        (lambda: {}["x"], "raw KeyError"),
        (lambda: (_ for _ in ()).throw(ValueError("a\nb")), "is not one sentence"),
    ],
)  # fmt: skip
def test_what_a_reader_must_not_do_is_seen(act, words):
    assert words in guard.fault_of(act, targets.ERRORS, 0.2)


def test_what_a_reader_may_do_is_no_fault():
    assert guard.fault_of(lambda: int("x"), targets.ERRORS, 1.0) == ""
    assert guard.fault_of(lambda: open(__file__).close(), targets.ERRORS, 1.0) == ""
