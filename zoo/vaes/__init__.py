"""Autoencoders and variational autoencoders for images."""

from .. import keras_backend as keras_backend
from .autoencoder import Autoencoder
from .vae import VAE

__all__ = ["VAE", "Autoencoder"]
