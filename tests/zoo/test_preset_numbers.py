"""Every preset samples, encodes, decodes and scores as it did when its numbers were stored."""

import numpy as np
import pytest

from latentzoo import zoo

from ..assets.make_preset_numbers import NUMBERS, numbers

pytestmark = pytest.mark.usefixtures("eagerly")

# Relative to the largest number. Machines differ in the order of their float32 sums; eager and compiled
# functions of one machine differ by up to 2e-6. On one machine, with one TensorFlow, the numbers are equal.
TOLERANCE = 2e-5

with np.load(NUMBERS, allow_pickle=False) as stored:
    STORED = dict(stored)
CALLS = [key.split("/") for key in STORED if not key.endswith(("/events", "/latents"))]


def test_every_preset_has_stored_numbers():
    assert {name for name, _ in CALLS} == {preset["name"] for preset in zoo.list_presets()}


@pytest.mark.parametrize("name, method", CALLS)
def test_numbers_are_as_stored(load_preset, name, method):
    given = {key: STORED[f"{name}/{key}"] for key in ("events", "latents")}
    expected = STORED[f"{name}/{method}"]
    found = numbers(load_preset(name), method, **given)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())
