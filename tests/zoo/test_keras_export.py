"""Keras's own `export`, right after construction: `serve` is what the model gives, without this package."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN
from latentzoo.zoo.vaes import VAE, Autoencoder

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")

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


def test_a_gans_images_are_those_of_decode():
    model = GAN(**CODER)
    latents = inputs_of(model)
    np.testing.assert_allclose(model(latents), model.decode(latents), atol=1e-6)


IMAGE_FLOW = {"image_shape": (4, 4, 1), "levels": 2, "depth": 1, "width": 3}
ON_A_DEVICE = {
    "gan": MODELS["gan"],
    "glow": lambda: Glow(**IMAGE_FLOW, num_classes=2),
    "realnvp": lambda: RealNVP(**IMAGE_FLOW, blocks=1),
}


@pytest.mark.parametrize("name", ON_A_DEVICE)
def test_a_litert_file_needs_no_operation_of_tensorflow(name, tmp_path):
    model = ON_A_DEVICE[name]()
    model.export(tmp_path / "model.tflite", format="litert", verbose=False)
    runner = tf.lite.Interpreter(model_path=str(tmp_path / "model.tflite")).get_signature_runner()
    inputs = inputs_of(model)
    values = inputs if model.num_classes else (inputs,)
    (outputs,) = runner(**dict(zip((model._input[0], "labels"), values, strict=False))).values()
    np.testing.assert_allclose(outputs, model(inputs), atol=1e-5)


def test_a_loss_that_draws_is_no_litert_file_but_its_parts_are(tmp_path):
    model = VAE(**CODER, depth=0)
    with pytest.raises(ValueError, match="LiteRT does not have TensorFlow's .*Random") as refused:
        model.export(tmp_path / "model.tflite", format="litert", verbose=False)
    assert "\n" not in str(refused.value) and not list(tmp_path.iterdir())
    latents = keras.Input((2,))
    decoder = keras.Model(latents, model.decoder(latents))
    decoder.export(tmp_path / "decoder.tflite", format="litert", verbose=False)
    runner = tf.lite.Interpreter(model_path=str(tmp_path / "decoder.tflite")).get_signature_runner()
    x = np.ones([3, 2], np.float32)
    (outputs,) = runner(**{latents.name: x}).values()
    np.testing.assert_allclose(outputs, decoder(x), atol=1e-5)
