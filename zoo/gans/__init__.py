"""Generative adversarial networks, one readable file for each published system."""

from .. import keras_backend as keras_backend
from .adversarial_model import AdversarialModel
from .gan import GAN
from .stylegan import StyleGAN
from .stylegan2 import StyleGAN2

__all__ = ["GAN", "AdversarialModel", "StyleGAN", "StyleGAN2"]
