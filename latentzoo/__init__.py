"""Generative models with latent spaces in TensorFlow and Keras 3, with pretrained weights.

    from latentzoo import zoo
    model = zoo.load("glow-fashion-mnist")
    images = model.sample(16, seed=0)

`zoo` holds the models, `bijectors` the invertible maps they are made of; `trainers`, `metrics` and
`export` train, score and serve them. Importing `latentzoo` is quick: it does not import TensorFlow. It is
all that `keras.models.load_model` needs to load what `model.save("mine.keras")` wrote.
"""

import importlib
import os
from typing import TYPE_CHECKING

# No log of TensorFlow's own, unless the user asked for it: without a GPU even its errors are noise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# In a checkout the subpackages lie beside this folder, and Python may find it by the working directory.
if not os.path.isdir(os.path.join(__path__[0], "zoo")):
    __path__.append(os.path.dirname(__path__[0]))

from .zoo import tensorflow_log  # noqa: E402
from .zoo.registration import register_with_keras  # noqa: E402

if TYPE_CHECKING:
    from . import bijectors, export, metrics, trainers, zoo

__version__ = "0.1.0"
__all__ = ["__version__", "bijectors", "export", "metrics", "trainers", "zoo"]

# What a `.keras` file of ours may name, by the module that defines it.
KERAS_CLASSES = {
    "latentzoo.trainers.schedules": ("WarmupConstant", "WarmupCosine"),
    "latentzoo.zoo.flows.glow": ("Glow",),
    "latentzoo.zoo.flows.networks": ("ResidualConvNet", "ResidualDenseNet", "StackedConvNet", "ZeroConv2D"),
    "latentzoo.zoo.flows.realnvp": ("RealNVP",),
    "latentzoo.zoo.gans.augment": ("Augment",),
    "latentzoo.zoo.gans.gan": ("GAN", "GANDiscriminator", "GANGenerator"),
    "latentzoo.zoo.gans.layers": ("EqualizedConv2D", "EqualizedDense"),
    "latentzoo.zoo.gans.mapping": ("MappingNetwork",),
    "latentzoo.zoo.gans.modulation": ("StyledConv2D", "ToRGB"),
    "latentzoo.zoo.gans.stylegan": ("StyleGAN",),
    "latentzoo.zoo.gans.stylegan2": ("StyleGAN2",),
    "latentzoo.zoo.gans.stylegan2_networks": (
        "StyleGAN2Discriminator",
        "StyleGAN2DiscriminatorBlock",
        "StyleGAN2DiscriminatorEpilogue",
        "StyleGAN2Generator",
        "StyleGAN2Synthesis",
        "StyleGAN2SynthesisBlock",
    ),
    "latentzoo.zoo.gans.stylegan_networks": (
        "HeConv2D",
        "HeDense",
        "StyleGANDiscriminator",
        "StyleGANDiscriminatorBlock",
        "StyleGANDiscriminatorEpilogue",
        "StyleGANGenerator",
        "StyleGANMapping",
        "StyleGANNoise",
        "StyleGANSynthesis",
        "StyleGANSynthesisBlock",
        "StyleGANSynthesisLayer",
    ),
    "latentzoo.zoo.layers": ("Conv2D", "Conv2DTranspose", "Dense"),
    "latentzoo.zoo.vaes.autoencoder": ("Autoencoder",),
    "latentzoo.zoo.vaes.latent_flows": ("AutoregressiveFlow", "CouplingFlow", "DenseNet", "MaskedDenseNet"),
    "latentzoo.zoo.vaes.networks": ("Decoder", "Encoder"),
    "latentzoo.zoo.vaes.vae": ("VAE",),
}

register_with_keras(KERAS_CLASSES)
tensorflow_log.quiet_import()


def __getattr__(name: str):
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
