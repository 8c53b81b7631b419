"""The signatures of exported autoencoders and VAEs."""

from typing import Protocol

import tensorflow as tf

from .. import common_signatures, signatures
from ..common_signatures import of_events, served_events
from ..signatures import Signature


def autoencoder_signatures(model: common_signatures.Coder) -> list[Signature]:
    """Returns the signatures reconstruct, encode and decode; a conditional model takes `labels`."""

    def reconstruct(images, labels=None):
        return served_events(model, model._decode(model._encode(images, labels), labels), "images")

    return [
        of_events(model, "reconstruct", reconstruct, common_signatures.events(model)),
        common_signatures.encode(model),
        common_signatures.decode(model),
    ]


class ServedVAE(common_signatures.Coder, Protocol):
    """What the signatures need of a VAE."""

    @property
    def _is_discrete(self) -> bool: ...
    def _as_bits_per_dim(self, nats: tf.Tensor, /) -> tf.Tensor: ...
    def _draw(
        self, row_seeds: tf.Tensor, temperature: tf.Tensor, labels: tf.Tensor | None, /
    ) -> tf.Tensor: ...
    def _elbo_parts(
        self, images: tf.Tensor, row_seeds: tf.Tensor, labels: tf.Tensor | None, /
    ) -> tuple[tf.Tensor, tf.Tensor]: ...


def vae_signatures(vae: ServedVAE) -> list[Signature]:
    """Returns the signatures sample, elbo, for 8-bit images bits_per_dim, and those of an autoencoder.

    `elbo` returns `elbo` and its term `kl`, in nats, from one sample for each row's `seed`; `bits_per_dim` is
    the negative ELBO of the same sample.
    """

    def sample(seed, temperature, labels=None):
        return served_events(vae, vae._draw(seed, temperature[:, None], labels), "temperature")

    def elbo(images, seed, labels=None):
        reconstruction, kl = vae._elbo_parts(images, seed, labels)
        return {"elbo": reconstruction - kl, "kl": kl}

    def bits_per_dim(images, seed, labels=None):
        reconstruction, kl = vae._elbo_parts(images, seed, labels)
        return {"bits_per_dim": vae._as_bits_per_dim(kl - reconstruction)}

    nats = {**signatures.score("elbo"), **signatures.score("kl")}
    bits = signatures.score("bits_per_dim")
    return [
        common_signatures.sample(vae, sample, signatures.temperatures()),
        of_events(vae, "elbo", elbo, nats, seed=True),
        *([of_events(vae, "bits_per_dim", bits_per_dim, bits, seed=True)] if vae._is_discrete else []),
        *autoencoder_signatures(vae),
    ]
