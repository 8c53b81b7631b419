"""The autoencoder: what it minimises, what it gives, and that it comes back from disk and server."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import metrics, zoo
from latentzoo.export import saved_model
from latentzoo.zoo.vaes import Autoencoder

from ... import tiny

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module", params=[0, 10])
def trained(request, clothes):
    """(model, images, labels or None)."""
    images, labels = clothes
    labels = labels if request.param else None
    model = tiny.autoencoder(num_classes=request.param)
    model.compile(optimizer=keras.optimizers.Adam(3e-2), run_eagerly=True)
    data = tf.data.Dataset.from_tensors(images if labels is None else (images, labels))
    model.fit(data.repeat(), steps_per_epoch=50, shuffle=False, verbose=0)
    return model, images, labels


def test_the_loss_is_the_squared_error_and_training_lowers_it(trained):
    model, images, labels = trained
    errors = np.sum((model.reconstruct(images, labels) - (images + 0.5) / 256) ** 2, axis=(1, 2, 3))
    loss = model(images if labels is None else (images, labels))
    np.testing.assert_allclose(loss, errors, rtol=1e-4)
    spread = np.sum(((images - images.mean(axis=0)) / 256) ** 2, axis=(1, 2, 3))
    assert errors.mean() < 0.7 * spread.mean()  # better than the mean image


def test_the_metric_is_its_mean_over_pixels(trained):
    model, images, labels = trained
    data = images if labels is None else (images, labels)
    (entry,) = metrics.evaluate(model, data, verbose=False)
    assert entry["name"] == "reconstruction_error"
    expected = np.mean(model(images if labels is None else (images, labels))) / 64
    np.testing.assert_allclose(entry["value"], expected, rtol=1e-4)


def test_latents_images_and_lines_between(trained):
    model, images, labels = trained
    latents = model.encode(images, labels)
    assert latents.shape == (64, 2) and latents.dtype == tf.float32
    two = model.encode(images[3:5], None if labels is None else labels[3:5])
    np.testing.assert_allclose(two, latents[3:5], atol=1e-5)
    decoded = model.decode(latents, labels)
    assert np.min(decoded) >= 0 and np.max(decoded) <= 1
    label = None if labels is None else labels[0]
    path = model.interpolate(images[0], images[1], steps=3, labels=label)
    ends = np.asarray(model.encode(images[:2], label))
    np.testing.assert_allclose(path[1:2], model.decode(ends.mean(axis=0, keepdims=True), label), atol=1e-5)


def test_it_neither_samples_nor_scores(trained):
    for name in ("sample", "log_prob", "bits_per_dim", "elbo"):
        assert not hasattr(trained[0], name)


def test_it_comes_back_from_disk_and_from_a_server(compiled, trained, tmp_path):
    model, images, labels = trained
    model.save_to_preset(tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    for loaded in (zoo.load(tmp_path / "preset"), keras.models.load_model(tmp_path / "model.keras")):
        np.testing.assert_array_equal(loaded.encode(images, labels), model.encode(images, labels))
        assert loaded.get_config() == model.get_config()
    served = tf.saved_model.load(saved_model(model, tmp_path / "served")).signatures
    given = {} if labels is None else {"labels": tf.constant(labels, tf.int32)}
    latents = served["encode"](images=tf.constant(images), **given)["latents"]
    np.testing.assert_allclose(latents, model.encode(images, labels), atol=1e-5)
    levels = np.floor(np.asarray(model.reconstruct(images, labels)) * 256).clip(0, 255)
    for drawn in (
        served["reconstruct"](images=tf.constant(images), **given),
        served["decode"](latents=latents, **given),
    ):
        np.testing.assert_allclose(drawn["images"], levels, atol=1)


def test_every_weight_gets_a_gradient(trained):
    model, images, labels = trained
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(images if labels is None else (images, labels), training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        gradient = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


def test_images_of_several_channels_and_unequal_sides():
    model = Autoencoder(image_shape=(4, 8, 3), latent_dim=5, levels=2, depth=0, width=4)
    images = np.random.default_rng(0).integers(0, 256, [2, 4, 8, 3], np.uint8)
    latents, restored = model.encode(images), np.asarray(model.reconstruct(images))
    assert latents.shape == (2, 5)
    np.testing.assert_allclose(model.decode(latents), restored, atol=1e-6)
    squared_error = ((restored - (images + 0.5) / 256) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(model(images), squared_error, rtol=1e-5)
    x = tf.constant(images / np.float32(255))
    with tf.GradientTape() as tape:
        tape.watch(x)
        latents = model._encode_images(x, None)
    assert np.all(tape.gradient(latents, x))  # every pixel of every channel reaches the latents


def test_bad_arguments():
    with pytest.raises(ValueError) as error:
        tiny.autoencoder(latent_dim=0)
    assert str(error.value) == "latent_dim is 0, expected an integer of at least 1."
