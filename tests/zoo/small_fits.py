"""Small models of each family and twelve examples to fit them to."""

import keras
import numpy as np
import tensorflow as tf

from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN
from latentzoo.zoo.vaes import VAE, Autoencoder

SHAPE = (4, 4, 1)
SMALL = {
    "autoencoder": lambda **options: Autoencoder(SHAPE, latent_dim=2, levels=1, depth=0, width=2, **options),
    "vae": lambda **options: VAE(SHAPE, latent_dim=2, levels=1, depth=0, width=2, **options),
    "glow": lambda **options: Glow(SHAPE, levels=1, depth=1, width=2, **options),
    "realnvp": lambda **options: RealNVP(SHAPE, levels=1, depth=1, width=2, blocks=0, **options),
    "gan": lambda **options: GAN(SHAPE, latent_dim=2, levels=1, width=2, **options),
}  # fmt: skip
IMAGES = np.random.default_rng(0).uniform(size=[12, *SHAPE]).astype(np.float32)
LABELS = np.arange(12) % 3
WEIGHTS = np.arange(12, dtype=np.float32) % 4


def compiled(name, rate=1e-2, **options):
    """A model that takes steps of plain gradient descent, nothing traced."""
    model = SMALL[name](**options)
    if name == "gan":
        model.compile(run_eagerly=True)
    else:
        model.compile(optimizer=keras.optimizers.SGD(rate), run_eagerly=True)
    return model


def fitted(model, *args, **kwargs):
    return model.fit(*args, **{"batch_size": 12, "shuffle": False, "verbose": 0, **kwargs})


def batches(*arrays, size=12):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(size)
