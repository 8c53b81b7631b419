"""Autoencoders and variational autoencoders, on images."""

from .autoencoder import Autoencoder
from .vae import VAE

__all__ = ["VAE", "Autoencoder"]
