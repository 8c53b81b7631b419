"""The networks inside models are Keras layers: saved alone, or in another model, they come back the same."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN, StyleGAN2
from latentzoo.zoo.networks.part import Part
from latentzoo.zoo.vaes import VAE

pytestmark = pytest.mark.usefixtures("eagerly")

STYLE = {"latent_dim": 3, "w_dim": 4, "mapping_depth": 1, "channel_base": 32, "channel_max": 4}
CODER = {"image_shape": (8, 8, 1), "latent_dim": 2, "levels": 2, "depth": 1, "width": 2}
FLOW_PARTS = {"prior": "flow", "flow_depth": 1, "flow_width": 3}
MAKERS = {
    "realnvp": lambda: RealNVP((4, 4, 1), levels=1, depth=1, width=3, blocks=1, num_classes=2),
    "vectors": lambda: RealNVP(event_shape=(3,), depth=1, width=3, blocks=2),
    "glow": lambda: Glow((4, 4, 1), levels=2, depth=1, width=3),
    "vae": lambda: VAE(**CODER, **FLOW_PARTS, posterior="iaf", num_classes=2),
    "coupling": lambda: VAE(**CODER, **FLOW_PARTS, posterior="coupling", dtype="mixed_bfloat16"),
    "gan": lambda: GAN((8, 8, 1), latent_dim=2, levels=2, width=2, num_classes=2),
    "stylegan": lambda: StyleGAN((14, 14, 1), **STYLE, num_classes=2),
    "stylegan2": lambda: StyleGAN2((14, 14, 2), **STYLE, num_classes=2, activation_clamp=256.0),
    "resnet": lambda: StyleGAN2((16, 16, 1), **STYLE, architecture="resnet"),
    "skip": lambda: StyleGAN2((16, 16, 1), **STYLE, discriminator_architecture="skip"),
}


def shapes(layer):
    return [(weight.shape, weight.dtype, weight.trainable) for weight in layer.weights]


@pytest.mark.parametrize("name", MAKERS)
def test_every_part_comes_back_from_its_config(name):
    parts = [layer for layer in MAKERS[name]()._flatten_layers() if isinstance(layer, Part)]
    assert parts
    for part in parts:
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))
        loaded = keras.saving.deserialize_keras_object(config)
        assert type(loaded) is type(part) and shapes(loaded) == shapes(part), part.name
        assert loaded.get_config() == part.get_config()
        loaded.set_weights(part.get_weights())


def classifier_of(name):
    """A functional model on a part of a model, and inputs of it."""
    model, numbers = MAKERS[name](), np.random.default_rng(0)
    labels = keras.Input([], dtype="int32")
    if name == "skip":  # the trunk of a discriminator
        inputs = keras.Input((16, 16, model.image_shape[-1]))
        features = model.discriminator(inputs, features=True)
    elif name == "stylegan":
        inputs = keras.Input([3])
        w = model.generator.mapping(inputs, labels)
        features = keras.layers.Flatten()(model.generator.synthesis(w))
    elif name == "stylegan2":
        inputs = keras.Input([3])
        features = keras.layers.Flatten()(model.generator(inputs, labels, truncation=0.5))
    elif name == "gan":
        inputs = keras.Input((8, 8, 1))
        features = keras.layers.Reshape([1])(model.discriminator(inputs, labels))
    else:
        inputs = keras.Input((8, 8, 1))
        features = model.encoder(inputs, labels) if name == "vae" else model.encoder(inputs)
    arrays = [numbers.random([4, *inputs.shape[1:]], np.float32)]
    conditional = name not in ("coupling", "skip")
    arrays += [np.arange(4, dtype=np.int32) % 2] * conditional
    outputs = keras.layers.Dense(3, dtype="float32")(features)
    return keras.Model([inputs, labels] if conditional else inputs, outputs), arrays


@pytest.mark.parametrize("name", ["vae", "coupling", "gan", "stylegan", "stylegan2", "skip"])
def test_a_functional_model_on_a_part_is_saved_by_a_checkpoint_and_loaded(name, tmp_path):
    classifier, arrays = classifier_of(name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile("sgd", loss, run_eagerly=True)
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras")
    x = arrays if len(arrays) > 1 else arrays[0]
    classifier.fit(x, np.arange(4) % 3, batch_size=4, verbose=0, callbacks=[checkpoint])
    loaded = keras.models.load_model(tmp_path / "best.keras")
    np.testing.assert_array_equal(loaded(x), classifier(x))
    copied = keras.models.clone_model(classifier)
    copied.set_weights(classifier.get_weights())
    np.testing.assert_array_equal(copied(x), classifier(x))


@pytest.mark.parametrize("name", ["gan", "stylegan", "stylegan2", "skip"])
def test_features_of_an_image_are_its_own_and_lead_to_its_logit(name):
    discriminator = MAKERS[name]().discriminator
    shape = [5, *discriminator.image_shape]
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32))
    features = discriminator(images, features=True)
    np.testing.assert_allclose(features[1:2], discriminator(images[1:2], features=True), atol=1e-5)
    if name == "skip":  # no classes; the spread of a batch of one is none
        logits = discriminator.b4.out(features)[:, 0]
        alone = tf.concat([discriminator(image[None]) for image in images], 0)
        np.testing.assert_allclose(logits, alone, atol=1e-5)


def test_a_frozen_part_stands_still_and_is_loaded_frozen(tmp_path):
    vae = VAE(**CODER)
    vae.encoder.trainable = False
    inputs = keras.Input((8, 8, 1))
    classifier = keras.Model(inputs, keras.layers.Dense(1)(vae.encoder(inputs)))
    before, images = vae.encoder.get_weights(), np.ones([2, 8, 8, 1], np.float32)
    classifier.compile("sgd", "mse", run_eagerly=True)
    classifier.fit(images, np.ones([2, 1]), verbose=0)
    for weight, old in zip(vae.encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    classifier.save(tmp_path / "frozen.keras")
    loaded = keras.models.load_model(tmp_path / "frozen.keras")
    assert len(loaded.trainable_weights) == 2 and len(loaded.weights) == len(classifier.weights)


def test_a_part_is_exported_by_keras(tmp_path):
    """Its own mathematics, in a file that needs neither Keras nor this package."""
    vae = VAE(**CODER)
    inputs = keras.Input((8, 8, 1))
    encoder = keras.Model(inputs, vae.encoder(inputs))
    images = np.random.default_rng(0).random([2, 8, 8, 1], np.float32)
    tf.config.run_functions_eagerly(False)
    encoder.export(tmp_path / "encoder", verbose=False)
    archive = tf.saved_model.load(tmp_path / "encoder")
    np.testing.assert_allclose(archive.serve(images), vae.encoder(images), atol=1e-5)
