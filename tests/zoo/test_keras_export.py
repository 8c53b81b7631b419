"""Keras's own `export`, right after construction: `serve` is what the model gives, without this package."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.flows import RealNVP
from latentzoo.zoo.gans import GAN
from latentzoo.zoo.vaes import Autoencoder

CODER = {"image_shape": (4, 4, 1), "latent_dim": 2, "levels": 1, "width": 2}
MODELS = {
    "flow": lambda: RealNVP(event_shape=(2,), depth=1, width=3, blocks=0),
    "autoencoder": lambda: Autoencoder(**CODER, depth=0, num_classes=2),
    "gan": lambda: GAN(**CODER, num_classes=2),
}


def inputs_of(model):
    name, shape = model._input
    x = np.random.default_rng(0).random([4, *shape], np.float32)
    return (x, np.arange(4, dtype=np.int32) % 2) if model.num_classes else x


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_serves_what_the_model_gives(name, tmp_path):
    model = MODELS[name]()
    model.export(tmp_path / "served", verbose=False)
    archive = tf.saved_model.load(tmp_path / "served")
    inputs = inputs_of(model)
    np.testing.assert_allclose(archive.serve(inputs), model(inputs), atol=1e-5)
    names = archive.signatures["serving_default"].structured_input_signature[1]
    assert set(names) == {model._input[0], *(["labels"] if model.num_classes else [])}


def test_a_gans_images_are_those_of_decode_and_run_on_a_device(tmp_path):
    model = GAN(**CODER)
    latents = inputs_of(model)
    np.testing.assert_allclose(model(latents), model.decode(latents), atol=1e-6)
    model.export(tmp_path / "model.tflite", format="litert", verbose=False)
    runner = tf.lite.Interpreter(model_path=str(tmp_path / "model.tflite")).get_signature_runner()
    (images,) = runner(latents=latents).values()
    np.testing.assert_allclose(images, model.decode(latents), atol=1e-5)
