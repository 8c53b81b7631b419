"""A model of a few weights of each class; arguments go before those that are set here."""

from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN, StyleGAN2
from latentzoo.zoo.vaes import VAE, Autoencoder

IMAGES = {"image_shape": (8, 8, 1), "levels": 2, "name": "tiny"}
# Images of 14x14, whose networks have 16x16.
STYLES = {
    "image_shape": (14, 14, 1), "latent_dim": 8, "w_dim": 6, "mapping_depth": 2, "channel_base": 64,
    "channel_max": 8,
}  # fmt: skip


def glow(**options) -> Glow:
    return Glow(**{**IMAGES, "depth": 2, "width": 8, **options})


def realnvp(**options) -> RealNVP:
    return RealNVP(**{**IMAGES, "depth": 1, "width": 4, "blocks": 1, **options})


def realnvp_of_vectors(**options) -> RealNVP:
    return RealNVP(**{"event_shape": (2,), "depth": 4, "width": 16, "blocks": 1, "name": "tiny", **options})


def vae(**options) -> VAE:
    sizes = {"latent_dim": 3, "depth": 1, "width": 4, "flow_depth": 2, "flow_width": 8, "components": 5}
    return VAE(**{**IMAGES, **sizes, **options})


def autoencoder(**options) -> Autoencoder:
    return Autoencoder(**{**IMAGES, "latent_dim": 2, "depth": 1, "width": 4, **options})


def gan(**options) -> GAN:
    return GAN(**{"image_shape": (8, 8, 1), "latent_dim": 4, "levels": 1, "width": 4, **options})


def stylegan(**options) -> StyleGAN:
    """Grows from 4x4."""
    growth = {"minibatch_group": 2, "first_resolution": 4, "steady_images": 8, "fade_images": 16}
    return StyleGAN(**{**STYLES, **growth, **options})


def stylegan2(**options) -> StyleGAN2:
    return StyleGAN2(**{**STYLES, **options})
