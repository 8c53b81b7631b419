"""The signatures of exported autoencoders and VAEs."""

from typing import TYPE_CHECKING

from .. import signatures
from ..latents import served
from ..signatures import Signature

if TYPE_CHECKING:
    from .encoder_decoder import EncoderDecoder
    from .vae import VAE


def autoencoder_signatures(model: "EncoderDecoder") -> list[Signature]:
    """reconstruct, encode and decode; a conditional model takes `labels`."""
    images = {"images": signatures.images(model.image_shape)}
    latents = {"latents": signatures.latents(model.latent_dim)}
    labels = signatures.labels(model.num_classes)

    def reconstruct(images, labels=None):
        return {"images": served(model._decode(model._encode(images, labels), labels), "images")}

    def encode(images, labels=None):
        return {"latents": model._encode(images, labels)}

    def decode(latents, labels=None):
        return {"images": served(model._decode(latents, labels), "latents")}

    return [
        Signature("reconstruct", {**images, **labels}, reconstruct),
        Signature("encode", {**images, **labels}, encode),
        Signature("decode", {**latents, **labels}, decode),
    ]


def vae_signatures(vae: "VAE") -> list[Signature]:
    """sample, elbo and, of 8-bit images, bits_per_dim, and what an autoencoder has.

    `elbo` gives `elbo` and its part `kl`, in nats, from one sample of each row's `seed`; `bits_per_dim` is
    the negative ELBO of the same sample.
    """
    labels = signatures.labels(vae.num_classes)

    def sample(seed, temperature, labels=None):
        return {"images": served(vae._sample(seed, temperature[:, None], labels), "temperature")}

    def elbo(images, seed, labels=None):
        reconstruction, kl = vae._elbo_parts(images, seed, labels)
        return {"elbo": reconstruction - kl, "kl": kl}

    def bits_per_dim(images, seed, labels=None):
        reconstruction, kl = vae._elbo_parts(images, seed, labels)
        return {"bits_per_dim": vae._as_bits_per_dim(kl - reconstruction)}

    drawn = {"seed": signatures.seeds(), "temperature": signatures.temperatures()}
    scored = {"images": signatures.images(vae.image_shape), "seed": signatures.seeds()}
    discrete = [Signature("bits_per_dim", {**scored, **labels}, bits_per_dim)] if vae._is_discrete else []
    return [
        Signature("sample", {**drawn, **labels}, sample),
        Signature("elbo", {**scored, **labels}, elbo),
        *discrete,
        *autoencoder_signatures(vae),
    ]
