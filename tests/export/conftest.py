"""One tiny Glow and its export, shared by the tests; other models are made where they are tested."""

import numpy as np
import pytest

from latentzoo import export
from latentzoo.export.server_files import write_server_files
from latentzoo.zoo.flows import Glow, RealNVP

from .model_requests import smooth_images
from .session import Session

TINY = {"image_shape": (8, 8, 1), "levels": 2, "depth": 2, "width": 8}


def shaken(model):
    """The model with weights as after some training, so that no map in it is the identity."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(weight + 0.05 * rng.standard_normal(weight.shape).astype("float32"))
    return model


@pytest.fixture(scope="session")
def make_glow():
    """A function: arguments of `Glow` beyond those of TINY -> an initialised and shaken model."""

    def make(**options):
        model = Glow(**{**TINY, **options})
        images = smooth_images(np.random.default_rng(1), 32, model.event_shape)
        model.initialize(images, np.arange(32) % model.num_classes if model.num_classes else None)
        return shaken(model)

    return make


@pytest.fixture(scope="session")
def glow(make_glow):
    """A tiny Glow of grey images; do not change it."""
    return make_glow()


@pytest.fixture(scope="session")
def moons():
    """A tiny flow on vectors; do not change it."""
    return shaken(RealNVP(event_shape=(2,), depth=2, width=8))


@pytest.fixture(scope="session")
def models_folder(glow, moons, tmp_path_factory):
    """Two exported models, one in two versions, and the server's files; do not change them."""
    folder = tmp_path_factory.mktemp("models")
    export.saved_model(Glow(image_shape=(8, 8, 1), levels=1, depth=1, width=4), folder / "glow")
    export.saved_model(glow, folder / "glow")
    export.saved_model(moons, folder / "moons")
    write_server_files(folder)
    return folder


@pytest.fixture(scope="session")
def exported(models_folder):
    """The folder of the tiny Glow's newest version."""
    return models_folder / "glow" / "2"


@pytest.fixture(scope="session")
def session(exported):
    """The tiny Glow as TF Serving has it."""
    session = Session(exported)
    yield session
    session.close()
