"""Tiny Glows, and real images to train them on."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.data import two_moons

from .. import tiny as models
from .flow_cases import CONDITIONAL, FLOWS, OF_IMAGES, parameters

FASHION = Path(__file__).parents[1] / "assets" / "fashion_mnist_small.npz"


@pytest.fixture(scope="session")
def tiny():
    """Glow for 8x8 images; arguments as `Glow`'s."""
    return models.glow


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
def moons():
    """(float32 [64, 2], int labels [64]): the two moons."""
    points, labels = two_moons("train")
    return points[:64], labels[:64]


@pytest.fixture(scope="session")
def data_of(clothes, moons):
    """A function: a flow -> (events, labels) that fit it, labels None of an unconditional one."""

    def data(model):
        events, labels = clothes if len(model.event_shape) == 3 else moons
        return events, labels if model.num_classes else None

    return data


@pytest.fixture(scope="session")
def trained(data_of):
    """A function from a name of FLOWS to that model after 2 steps; do not change what it returns."""

    @functools.cache
    def train(name):
        make, options = FLOWS[name]
        model = make(**options)
        model.compile(optimizer=keras.optimizers.Adam(1e-2), run_eagerly=True)
        model.fit(*data_of(model), batch_size=64, epochs=2, shuffle=False, verbose=0)
        return model

    return train


@pytest.fixture(scope="session", params=parameters(FLOWS))
def each_trained(request, trained, data_of):
    """(model, 16 events, 16 labels or None) of every model of FLOWS."""
    return rows_of(trained(request.param), data_of)


def rows_of(model, data_of):
    """(model, 16 events, 16 labels or None)."""
    events, labels = data_of(model)
    return model, events[:16], None if labels is None else labels[:16]


@pytest.fixture(scope="session", params=parameters(OF_IMAGES))
def each_of_images(request, trained, data_of):
    """As `each_trained`, of the flows on images."""
    return rows_of(trained(request.param), data_of)


@pytest.fixture(scope="session", params=parameters(CONDITIONAL))
def each_conditional(request, trained, data_of):
    """As `each_trained`, of the flows with classes."""
    return rows_of(trained(request.param), data_of)


@pytest.fixture(scope="session")
def assert_same_weights():
    """Equal weights; with `tolerance`, no number differs by more than that part of its weight's largest."""

    def compare(a, b, tolerance=0.0):
        for x, y in zip(a.weights, b.weights, strict=True):
            x, y, path = np.asarray(x, np.float64), np.asarray(y, np.float64), y.path
            np.testing.assert_allclose(x, y, rtol=0, atol=tolerance * np.abs(y).max(), err_msg=path)

    return compare
