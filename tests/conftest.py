"""Two logical CPUs for every test, set before TensorFlow starts; a flow that trains in a second."""

import gc
import math
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several processes of pytest share the processors, and what they compute is small.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import MultiScale
from latentzoo.trainers.strategies import local_strategy
from latentzoo.zoo.flows.flow import Flow

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


# Collecting garbage takes longer the more graphs there are: up to 80 s at a time, a fifth of the whole run.
gc.disable()

# What makes a file's tests slow if the file imports it, and a test slow if it uses that fixture.
SLOW_IMPORTS = {"subprocess", "train", "main", "StandIn", "Session"}
SLOW_FIXTURES = {"mirrored_strategy", "compiled"}
# Fits, traces and whole models: folders and files of over ten seconds.
SLOW_PATHS = (
    "benchmarks", "bijectors/test_modes.py", "bijectors/test_repeat.py",
    "data/test_training_batches.py", "test_doctests.py", "trainers/test_optimizers.py", "zoo/gans",
    "zoo/importers", "zoo/test_class_head.py", "zoo/test_distribution.py",
    "zoo/test_example_weights.py", "zoo/test_fine_tuning.py", "zoo/test_fitting.py", "zoo/test_glow.py",
    "zoo/test_keras_export.py", "zoo/test_keras_settings.py", "zoo/test_model.py", "zoo/test_parts.py",
    "zoo/test_presets.py", "zoo/test_saving.py", "zoo/vaes",
)  # fmt: skip
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Marks as slow what `make quick` leaves out, and starts with it: no process waits for it at the end."""
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        imports = SLOW_IMPORTS & set(vars(item.module))
        if imports or SLOW_FIXTURES & set(item.fixturenames) or path.startswith(SLOW_PATHS):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionfinish():
    gc.freeze()  # nothing is freed at the end either


@keras.saving.register_keras_serializable(package="latentzoo_tests")
class PixelFlow(Flow):
    """Each pixel is normal, z = (x - shift) * exp(log_scale): its density has a closed form."""

    def __init__(self, image_shape=(4, 4, 1), width=1, **kwargs):
        super().__init__(event_shape=tuple(image_shape), **kwargs)
        self.image_shape, self.width = tuple(image_shape), width
        self.shift = self.add_weight(shape=(self.latent_dim,), name="shift")
        self.log_scale = self.add_weight(shape=(self.latent_dim,), initializer="zeros", name="log_scale")
        self.built = True

    def bijector(self, labels=None):
        tfb = tfp.bijectors
        shift, log_scale = (tf.reshape(weight, self.event_shape) for weight in (self.shift, self.log_scale))
        level = tfb.Chain([tfb.Scale(log_scale=log_scale), tfb.Shift(-shift)])
        return tfb.Chain([MultiScale([level], [lambda h: (tf.zeros_like(h),) * 2], self.event_shape)])

    def _initialize(self, images, labels):
        self.shift.assign(tf.fill([self.latent_dim], tf.reduce_mean(tf.cast(images, tf.float32))))

    def closed_form_log_prob(self, x):
        z = (x.reshape(len(x), -1) - self.shift.numpy()) * np.exp(self.log_scale.numpy())
        log_p = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + self.log_scale.numpy()
        return log_p.sum(axis=1)

    def get_config(self):
        return {**super().get_config(), "image_shape": self.image_shape, "width": self.width}


@pytest.fixture(scope="session")
def mirrored_strategy():
    """Two replicas. The only strategy tests use: all-reduces of a second one would collide."""
    return local_strategy(replicas=2)


@pytest.fixture
def pixel_flow():
    return PixelFlow


@pytest.fixture
def images():
    """Float images [64, 4, 4, 1], every pixel with a mean and a scale of its own."""
    rng = np.random.default_rng(0)
    means, scales = rng.uniform(0.3, 0.7, [2, 4, 4, 1])
    x = means + 0.2 * scales * rng.standard_normal([64, 4, 4, 1])
    return x.clip(0, 1).astype(np.float32)


@pytest.fixture
def eager_test():
    """Nothing is compiled in one test: what runs once takes longer to trace than to run."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
