"""Tiny GANs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans import AdversarialModel
from latentzoo.zoo.gans.r1 import R1

from ... import tiny
from .networks import shaken, tiny_discriminator, tiny_generator


@keras.saving.register_keras_serializable(package="latentzoo_tests")
class LineGAN(AdversarialModel):
    """G(z) = a z + b and D(x) = c x + d, on images of one pixel: all its steps have closed forms."""

    def __init__(self, r1_gamma=0.0, r1_interval=1, seed=0, **kwargs):
        super().__init__((1, 1, 1), 1, 0, seed, **kwargs)
        self.r1_gamma, self.r1_interval = r1_gamma, r1_interval
        self.generator, self.discriminator = Line(0.5, -0.25, name="generator"), Line(2.0, 0.125, name="d")
        self.built = True

    def _images_of(self, latents, labels):
        return tf.reshape(self.generator(latents), [-1, 1, 1, 1])

    def training_parts(self):
        return [R1(self.r1_gamma, self.r1_interval)] if self.r1_gamma else []

    def _logits(self, images, labels, stream):
        return self.discriminator(tf.reshape(images, [-1, 1]))[:, 0]

    def get_config(self):
        config = {"r1_gamma": self.r1_gamma, "r1_interval": self.r1_interval, "seed": self.seed}
        return {**config, "name": self.name}


class Line(keras.layers.Layer):
    """slope * x + offset."""

    def __init__(self, slope, offset, **kwargs):
        super().__init__(**kwargs)
        constant = keras.initializers.Constant
        self.slope = self.add_weight(shape=(), initializer=constant(slope), name="slope")
        self.offset = self.add_weight(shape=(), initializer=constant(offset), name="offset")
        self.built = True

    def call(self, x):
        return self.slope * x + self.offset


@pytest.fixture(scope="session")
def line_gan():
    return LineGAN


@pytest.fixture(scope="session")
def tiny_gan():
    """GAN for 8x8 images; arguments as `GAN`'s."""
    return tiny.gan


@pytest.fixture(scope="session")
def tiny_style():
    """StyleGAN2 for 14x14 images, whose networks have 16x16; arguments as `StyleGAN2`'s."""
    return tiny.stylegan2


@pytest.fixture(scope="session")
def style_model():
    """A StyleGAN2 with weights as after training: noise and all biases do something."""
    model = tiny.stylegan2(name="style")
    numbers = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith(("noise_strength", "bias", "w_avg")):
            weight.assign(np.asarray(weight) + 0.3 * numbers.standard_normal(weight.shape))
    return model


@pytest.fixture(scope="module")
def generator():
    """A StyleGAN's that grows from 4x4 to 16x16; each test sets its lod."""
    return shaken(tiny_generator())


@pytest.fixture(scope="module")
def critics():
    """The discriminators for `generator`, by the number of classes."""
    return {num_classes: shaken(tiny_discriminator(num_classes=num_classes)) for num_classes in (0, 3)}
