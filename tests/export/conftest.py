"""A tiny model of each family and their exports, shared by the tests; do not change them."""

import numpy as np
import pytest

from latentzoo import export
from latentzoo.export import saving
from latentzoo.export.server_files import write_server_files
from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN2
from latentzoo.zoo.vaes import VAE, Autoencoder

from .model_requests import smooth_images
from .session import Session

TINY = {"image_shape": (8, 8, 1), "levels": 2, "depth": 2, "width": 8}
SMALL = {"image_shape": (8, 8, 1), "latent_dim": 3, "levels": 1, "width": 4}
STYLE = {"image_shape": (14, 14, 1), "latent_dim": 8, "w_dim": 6, "mapping_depth": 1, "channel_base": 64}
MODELS = {
    "flow": lambda: Glow(image_shape=(8, 8, 1), levels=1, depth=1, width=4, num_classes=3),
    "vectors": lambda: RealNVP(event_shape=(2,), depth=2, width=8),
    "vae": lambda: VAE(**SMALL, depth=0, likelihood="discretized_logistic"),
    "autoencoder": lambda: Autoencoder(**SMALL, depth=0),
    "gan": lambda: GAN(**SMALL, num_classes=3),
    "style": lambda: StyleGAN2(**STYLE, channel_max=8, num_classes=3),
}


def shaken(model):
    """The model with weights as after some training, so that no map in it is the identity."""
    rng = np.random.default_rng(0)
    averages = [weight for weight in model.non_trainable_variables if weight.path.endswith("w_avg")]
    for weight in [*model.trainable_variables, *averages]:
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
    export.saved_model(GAN(**SMALL), folder / "glow")  # some other model of such images
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


@pytest.fixture(scope="session")
def models():
    """A tiny model of each family, by a name of MODELS; do not change them."""
    made = {name: shaken(make()) for name, make in MODELS.items()}
    flow = made["flow"]
    flow.initialize(smooth_images(np.random.default_rng(1), 8, flow.event_shape), np.arange(8) % 3)
    return made


@pytest.fixture(scope="session")
def exports(models, tmp_path_factory):
    """The folder of their exports, with the server's files; do not change them."""
    folder = tmp_path_factory.mktemp("exports")
    for name, model in models.items():
        export.saved_model(model, folder / name, batch_sizes=(1,))
    write_server_files(folder)
    return folder


@pytest.fixture
def quick_save(monkeypatch):
    """Saving a model of no signatures to speak of, for tests of folders."""

    def write(model, folder):
        (folder / "saved_model.pb").write_bytes(b"new")
        return []

    monkeypatch.setattr(saving, "_write", write)
