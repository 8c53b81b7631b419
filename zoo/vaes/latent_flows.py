"""Flows on latent vectors: the posterior's, given a context of the image, and the prior's."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ...bijectors import AffineCoupling, ChannelHalves, MaskedAutoregressive, autoregressive_masks
from ..flows.networks import any_batch_shape, dense
from ..part import Part

tfb = tfp.bijectors


@keras.saving.register_keras_serializable(package="latentzoo")
class AutoregressiveFlow(Part):
    """`depth` masked autoregressive maps, the coordinates reversed between them (IAF, section 4).

    Args:
      latent_dim: D.
      context_size: of the vectors that the networks see beside the latents, or 0.
      depth, width: maps, units of the two hidden layers of each network.
      seed: integer, of the initial weights.
    """

    def __init__(self, latent_dim, context_size, depth, width, seed, **kwargs):
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
        """Forward is the cheap direction: one pass of each network.

        Args:
          context: `[N, context_size]`, or None without.
        """
        maps = [MaskedAutoregressive(_given(network, context)) for network in self.networks]
        reversal = tfb.Permute(self.reversal)
        in_turn = [step for one in maps for step in (one, reversal)][:-1]
        return tfb.Chain(in_turn[::-1])


@keras.saving.register_keras_serializable(package="latentzoo")
class CouplingFlow(Part):
    """`depth` affine couplings of the two halves of a vector in turn (RealNVP).

    Args:
      latent_dim: D, at least 2.
      context_size, depth, width, seed: as `AutoregressiveFlow`'s.
    """

    def __init__(self, latent_dim, context_size, depth, width, seed, **kwargs):
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
        """Both directions take one pass of each network; `context` as `AutoregressiveFlow`'s."""
        couplings = [
            AffineCoupling(_given(network, context), mask, event_ndims=1)
            for network, mask in zip(self.networks, self.masks, strict=True)
        ]
        return tfb.Chain(couplings[::-1])


@keras.saving.register_keras_serializable(package="latentzoo")
class DenseNet(Part):
    """Two hidden layers, the first of which sees the context too.

        h = relu(W1 x + V c);  h = relu(W2 h);  y = W3 h

    The last layer starts at zero. Layers work in the dtype policy's compute dtype, the output is float32.
    """

    def __init__(self, size_in, context_size, width, size_out, seed, **kwargs):
        super().__init__(**kwargs)
        self.size_in, self.context_size, self.width = size_in, context_size, width
        self.size_out, self.seed = size_out, seed
        draw = keras.random.SeedGenerator(seed)
        self.first = dense(size_in, width, draw, self.dtype_policy)
        self.context = _context_layer(self, context_size, width, draw)
        self.second = dense(width, width, draw, self.dtype_policy)
        self.last = dense(width, size_out, None, self.dtype_policy)
        self.built = True

    @any_batch_shape(event_ndims=1, condition_ndims=1)
    def call(self, x, context=None):
        h = self.first(tf.cast(x, self.compute_dtype))
        if self.context is not None:
            h += self.context(tf.cast(context, self.compute_dtype))
        h = tf.nn.relu(self.second(tf.nn.relu(h)))
        return tf.cast(self.last(h), tf.float32)


@keras.saving.register_keras_serializable(package="latentzoo")
class MaskedDenseNet(Part):
    """`DenseNet` with MADE's masks: outputs d see the coordinates before d alone (Germain et al. 2015).

    The context is seen by all of them.

    Args:
      size: D; the output is `[..., 2 * D]`.
      context_size, width, seed: as `DenseNet`'s.
    """

    def __init__(self, size, context_size, width, seed, **kwargs):
        super().__init__(**kwargs)
        self.size, self.context_size, self.width, self.seed = size, context_size, width, seed
        draw = keras.random.SeedGenerator(seed)
        self.masks = autoregressive_masks(size, (width, width))
        self.kernels, self.biases = [], []
        for k, mask in enumerate(self.masks):
            last = k == len(self.masks) - 1
            self.kernels.append(
                self.add_weight(
                    shape=mask.shape,
                    initializer="zeros" if last else keras.initializers.HeNormal(draw),
                    autocast=False,
                    name=f"kernel_{k}",
                )
            )
            self.biases.append(
                self.add_weight(shape=mask.shape[1:], initializer="zeros", autocast=False, name=f"bias_{k}")
            )
        self.context = _context_layer(self, context_size, width, draw)
        self.built = True

    @any_batch_shape(event_ndims=1, condition_ndims=1)
    def call(self, x, context=None):
        h = self._masked(0, tf.cast(x, self.compute_dtype))
        if self.context is not None:
            h += self.context(tf.cast(context, self.compute_dtype))
        h = self._masked(1, tf.nn.relu(h))
        return tf.cast(self._masked(2, tf.nn.relu(h)), tf.float32)

    def _masked(self, k, h):
        kernel = tf.cast(self.kernels[k] * self.masks[k], self.compute_dtype)
        return tf.matmul(h, kernel) + tf.cast(self.biases[k], self.compute_dtype)


def _given(network, context):
    return lambda x: network(x, context)


def _context_layer(layer, context_size, width, draw):
    if not context_size:
        return None
    return dense(context_size, width, draw, layer.dtype_policy, use_bias=False)


def _seeds(seed, count):
    return [int(s) for s in np.random.default_rng(seed).integers(2**31, size=count)]
