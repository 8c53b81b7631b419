"""Small networks of both StyleGANs."""

import numpy as np
import tensorflow as tf

from latentzoo.zoo.gans import (
    stylegan2_discriminator,
    stylegan2_generator,
    stylegan_discriminator,
    stylegan_generator,
)
from latentzoo.zoo.gans.named_weights import named_weights

_TINY = {"image_shape": (8, 8, 2), "channel_base": 32, "channel_max": 6, "num_classes": 0}


def tiny_generator(size=16, doublings=2, num_classes=0, channels=(48, 4), dtype="float64", seed=0):
    """The generator of a StyleGAN that grows from 4x4."""
    sizes = ((size, size, 2), 5, 4, 2, num_classes, *channels, doublings)
    return stylegan_generator.Generator(*sizes, seed=seed, dtype=dtype)


def tiny_discriminator(size=16, doublings=2, num_classes=0, channels=(48, 4), dtype="float64", seed=0):
    """The discriminator of a StyleGAN that grows from 4x4."""
    sizes = ((size, size, 2), num_classes, *channels, doublings, 2)
    return stylegan_discriminator.Discriminator(*sizes, seed=seed, dtype=dtype)


def tiny_generator2(**options):
    """The generator of a StyleGAN2 for 8x8 images; arguments as `Generator`'s."""
    sizes = {"z_dim": 5, "w_dim": 4, "mapping_depth": 2, "seed": 0}
    return stylegan2_generator.Generator(**{**_TINY, **sizes, **options})


def tiny_discriminator2(**options):
    """The discriminator of a StyleGAN2 for 8x8 images; arguments as `Discriminator`'s."""
    return stylegan2_discriminator.Discriminator(**{**_TINY, "mapping_depth": 2, "seed": 1, **options})


def shaken(network):
    """Moves every weight except `lod`, so that no bias and no noise strength is zero; returns the network."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if not weight.path.endswith("lod"):
            weight.assign(weight + 0.3 * rng.standard_normal(weight.shape))
    return network


def arrays(network):
    """The weights by their official names."""
    return {name: np.asarray(weight) for name, weight in named_weights(network).items()}


def numbers(*shape):
    """Normal numbers, the same in each call."""
    return np.random.default_rng(2).standard_normal(shape)


def r1(discriminator, images, labels=None):
    """R1 without its factor."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images, labels))
    return tf.reduce_mean(tf.reduce_sum(tape.gradient(logits, images) ** 2, axis=[1, 2, 3]))
