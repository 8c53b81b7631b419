"""Exported GANs give what the models give."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.export import saved_model
from latentzoo.zoo.images import to_uint8


def assert_same_bytes(served, expected):
    """Bytes of two graphs differ by rounding: by one, and rarely."""
    differences = np.abs(served.numpy().astype(int) - to_uint8(expected).numpy().astype(int))
    assert differences.max() <= 1 and (differences > 0).mean() < 0.01


@pytest.fixture(scope="module")
def served_style(style_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    return tf.saved_model.load(saved_model(style_model, folder / "style")).signatures


def test_a_style_model_is_served_as_it_is(style_model, served_style):
    pairs = np.array([[7, 0], [7, 1], [3, 2]], np.int32)
    truncation = np.array([0.5, 0.5, 0.5], np.float32)
    served = served_style["sample"](seed=tf.constant(pairs), truncation=tf.constant(truncation))["images"]
    assert_same_bytes(served, style_model.sample(3, seed=pairs, truncation=0.5))
    again = served_style["sample"](seed=tf.constant(pairs[1:2]), truncation=tf.constant(truncation[:1]))
    assert_same_bytes(again["images"], style_model.sample(3, seed=pairs, truncation=0.5)[1:2])


def test_each_row_has_its_own_truncation_and_crossover(style_model, served_style):
    z = np.random.default_rng(0).standard_normal([2, 8]).astype(np.float32)
    asked = {"latents": tf.constant(z), "truncation": tf.constant([0.3, 1.0])}
    found = served_style["mapping"](**asked)["w"]
    w = np.stack([style_model.mapping(z[i : i + 1], truncation=psi)[0] for i, psi in enumerate((0.3, 1.0))])
    np.testing.assert_allclose(found, w, rtol=1e-5, atol=1e-5)
    assert_same_bytes(served_style["synthesis"](w=found)["images"], style_model.synthesis(w, noise="const"))
    # By the old names w is flat.
    styles = served_style["map"](**asked)["styles"]
    np.testing.assert_array_equal(styles, tf.reshape(found, [2, -1]))
    images = served_style["synthesize"](styles=styles)["images"]
    assert_same_bytes(images, style_model.synthesis(w, noise="const"))
    mixed = served_style["style_mix"](
        styles=styles, other_styles=styles[::-1], crossover=tf.constant([2, 6])
    )["images"]
    expected = [style_model.style_mix(w[i : i + 1], w[1 - i : 2 - i], at)[0] for i, at in enumerate((2, 6))]
    assert_same_bytes(mixed, style_model.synthesis(np.stack(expected), noise="const"))


def test_a_conditional_gan_is_served_as_it_is(tiny_gan, tmp_path):
    model = tiny_gan(num_classes=3)
    served = tf.saved_model.load(saved_model(model, tmp_path / "gan")).signatures
    pairs, labels = np.array([[0, 0], [0, 1]], np.int32), np.array([2, 1], np.int32)
    images = served["sample"](seed=tf.constant(pairs), labels=tf.constant(labels))["images"]
    assert_same_bytes(images, model.sample(2, seed=0, labels=labels))
    z = np.ones([2, 4], np.float32)
    images = served["decode"](latents=tf.constant(z), labels=tf.constant(labels))["images"]
    assert_same_bytes(images, model.decode(z, labels))
