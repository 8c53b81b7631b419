"""Flows on latent vectors, for priors, and for posteriors conditioned on a context from the image."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ...bijectors import AffineCoupling, ChannelHalves, MaskedAutoregressive
from ..networks.dense_net import DenseNet
from ..networks.masked_dense_net import MaskedDenseNet
from ..networks.part import Part

tfb = tfp.bijectors


@keras.saving.register_keras_serializable(package="latentzoo")
class AutoregressiveFlow(Part):
    """`depth` masked autoregressive bijectors, with the coordinates reversed between them (IAF, section 4).

    Args:
      latent_dim: D.
      context_size: the size of the context, an additional input of the networks, or 0.
      depth: the number of bijectors.
      width: the units of the two hidden layers of each network.
      seed: integer, of the initial weights.
    """

    def __init__(self, latent_dim: int, context_size: int, depth: int, width: int, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim, self.context_size, self.depth = latent_dim, context_size, depth
        self.width, self.seed = width, seed
        self.reversal = list(range(latent_dim))[::-1]
        self.networks = [
            MaskedDenseNet(latent_dim, context_size, width, s, dtype=self.dtype_policy, name=f"network_{k}")
            for k, s in enumerate(_seeds(seed, depth))
        ]
        self.built = True

    def bijector(self, context: tf.Tensor | None = None) -> tfb.Bijector:
        """Returns the bijector, whose cheap direction is forward, from noise to latents.

        Forward takes one pass of each network.

        Args:
          context: `[N, context_size]`, or None without a context.
        """
        steps = [MaskedAutoregressive(_with_context(network, context)) for network in self.networks]
        reversal = tfb.Permute(self.reversal)
        in_order = [bijector for step in steps for bijector in (step, reversal)][:-1]
        return tfb.Chain(in_order[::-1])


@keras.saving.register_keras_serializable(package="latentzoo")
class CouplingFlow(Part):
    """`depth` affine couplings, which alternately transform the two halves of a vector (RealNVP).

    Args:
      latent_dim: D, at least 2.
      context_size, depth, width, seed: as in `AutoregressiveFlow`.
    """

    def __init__(self, latent_dim: int, context_size: int, depth: int, width: int, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim, self.context_size, self.depth = latent_dim, context_size, depth
        self.width, self.seed = width, seed
        self.masks = [ChannelHalves("second" if k % 2 == 0 else "first") for k in range(depth)]
        self.networks = []
        for k, (mask, s) in enumerate(zip(self.masks, _seeds(seed, depth), strict=True)):
            active = mask.active_channels(latent_dim)
            sizes = (latent_dim - active, context_size, width, 2 * active)
            self.networks.append(DenseNet(*sizes, s, dtype=self.dtype_policy, name=f"network_{k}"))
        self.built = True

    def bijector(self, context: tf.Tensor | None = None) -> tfb.Bijector:
        """Returns the bijector; both directions take one pass of each network.

        Args:
          context: `[N, context_size]`, or None without a context.
        """
        couplings = [
            AffineCoupling(_with_context(network, context), mask, event_ndims=1)
            for network, mask in zip(self.networks, self.masks, strict=True)
        ]
        return tfb.Chain(couplings[::-1])


def _with_context(network: Part, context: tf.Tensor | None) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda x: network(x, context)


def _seeds(seed: int, count: int) -> list[int]:
    return [int(s) for s in np.random.default_rng(seed).integers(2**31, size=count)]
