"""Images for the tests of data."""

import numpy as np
import pytest


@pytest.fixture
def some_images():
    return np.random.default_rng(0).integers(0, 256, [20, 4, 6, 3], np.uint8)
