"""Generative adversarial networks, one readable file for each published system."""

from .adversarial import AdversarialModel
from .gan import GAN
from .stylegan import StyleGAN
from .stylegan2 import StyleGAN2

__all__ = ["GAN", "AdversarialModel", "StyleGAN", "StyleGAN2"]
