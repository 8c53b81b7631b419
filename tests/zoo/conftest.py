"""Tiny Glows, and real images to train them on."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.zoo.flows import Glow

TINY = {"image_shape": (8, 8, 1), "levels": 2, "depth": 2, "width": 8, "name": "tiny"}
FASHION = Path(__file__).parents[1] / "assets" / "fashion_mnist_small.npz"

# What the models of `trained` differ in; the first two differ in nothing but how gradients are computed.
TRAINED = {
    "plain": {},
    "reversible": {"reversible": True},
    "additive": {"coupling": "additive", "permutation": "shuffle", "num_bits": 5},
    "conditional": {"num_classes": 10, "permutation": "reverse"},
    "equalised": {"preprocess": "equalise"},
    "bfloat16": {"dtype": "mixed_bfloat16"},
}


@pytest.fixture(scope="session")
def tiny():
    """Glow for 8x8 images; arguments as `Glow`'s."""
    return lambda **options: Glow(**{**TINY, **options})


@pytest.fixture(scope="session")
def load_preset():
    """`zoo.load`, once for each name; do not change what it returns."""
    return functools.cache(zoo.load)


@pytest.fixture(scope="session")
def clothes():
    """(uint8 [64, 8, 8, 1], uint8 labels [64]) of Fashion-MNIST, every third pixel of the middle."""
    data = np.load(FASHION)
    return data["x_train"][:64, 2:26:3, 2:26:3, None], data["y_train"][:64]


@pytest.fixture(scope="session")
def float_clothes(clothes):
    """float32 [64, 8, 8, 1] in [0, 1]."""
    noise = np.random.default_rng(0).uniform(size=clothes[0].shape)
    return ((clothes[0] + noise) / 256).astype(np.float32)


@pytest.fixture(scope="session")
def shaken():
    """Moves every trained weight away from where it starts, in place; returns the model."""

    def shake(model, size=0.05):
        rng = np.random.default_rng(0)
        for weight in model.trainable_variables:
            weight.assign(weight + size * rng.standard_normal(weight.shape).astype(weight.dtype))
        return model

    return shake


@pytest.fixture(scope="module")
def eagerly():
    """Nothing is compiled: tracing takes longer than the few calls of a test."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def compiled(eagerly):
    """Functions are compiled in one test of a module that runs `eagerly`."""
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)


@pytest.fixture(scope="session")
def trained(tiny, clothes):
    """A function from a name of TRAINED to that model after 5 steps; do not change what it returns."""
    models = {}

    def train(name):
        if name not in models:
            images, labels = clothes
            model = models[name] = tiny(**TRAINED[name])
            model.compile(optimizer=keras.optimizers.Adam(3e-3), run_eagerly=True)
            model.fit(
                images,
                labels if model.num_classes else None,
                batch_size=64,
                epochs=5,
                shuffle=False,
                verbose=0,
            )
        return models[name]

    return train


@pytest.fixture(scope="session", params=TRAINED)
def each_trained(request, trained, clothes):
    """(model, images, labels or None) of every model of TRAINED."""
    model = trained(request.param)
    return model, clothes[0][:16], clothes[1][:16] if model.num_classes else None


@pytest.fixture(scope="session")
def assert_same_weights():
    """Equal weights; with `tolerance`, no number differs by more than that part of its weight's largest."""

    def compare(a, b, tolerance=0.0):
        for x, y in zip(a.weights, b.weights, strict=True):
            x, y, path = np.asarray(x, np.float64), np.asarray(y, np.float64), y.path
            np.testing.assert_allclose(x, y, rtol=0, atol=tolerance * np.abs(y).max(), err_msg=path)

    return compare
