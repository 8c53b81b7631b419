"""Tiny presets, initialized from real images."""

from pathlib import Path

import numpy as np
import pytest

from latentzoo.zoo.flows import Glow

from .commands import SMALL


@pytest.fixture(scope="session")
def images():
    with np.load(SMALL) as arrays:
        return arrays["x_test"][..., np.newaxis]


@pytest.fixture(scope="session")
def preset(tmp_path_factory, images) -> Path:
    """A Glow of a few weights, initialised from real images."""
    model = Glow(image_shape=(28, 28, 1), levels=1, depth=1, width=4)
    model.initialize(images[:64])
    folder = tmp_path_factory.mktemp("presets") / "tiny-glow"
    model.save_to_preset(folder, {"dataset": SMALL, "license": {"weights": "Apache-2.0"}})
    return folder


@pytest.fixture(scope="session")
def conditional_preset(tmp_path_factory, images) -> Path:
    model = Glow(image_shape=(28, 28, 1), levels=1, depth=1, width=4, num_classes=10)
    model.initialize(images[:64], np.arange(64) % 10)
    folder = tmp_path_factory.mktemp("presets") / "tiny-conditional-glow"
    model.save_to_preset(folder, {"dataset": SMALL})
    return folder
