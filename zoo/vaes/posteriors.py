"""Approximate posteriors q(z | x): a diagonal Gaussian, optionally transformed by a flow."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from .latent_flows import AutoregressiveFlow, CouplingFlow

tfb = tfp.bijectors
tfd = tfp.distributions

# The range in which exp(log_var) and its inverse are finite in float32.
LOG_VARIANCES = (-30.0, 20.0)


def make(
    kind: str, latent_dim: int, *, flow_depth: int, flow_width: int, seed: int, dtype: keras.DTypePolicy
) -> "NormalPosterior":
    """Makes the posterior of a VAE: "normal", "iaf" or "coupling"."""
    if kind == "normal":
        return NormalPosterior(latent_dim, name="posterior")
    return FlowPosterior(latent_dim, kind, flow_depth, flow_width, seed, dtype=dtype, name="posterior")


class NormalPosterior(keras.layers.Layer):
    """q(z | x) = N(mu(x), diag sigma(x)^2), reparameterized: z = mu + sigma * noise (Kingma & Welling 2013).

    Args:
      latent_dim: D.
    """

    def __init__(self, latent_dim: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.latent_dim = latent_dim
        self.built = True

    @property
    def num_parameters(self) -> int:
        """The size of the encoder's output."""
        return 2 * self.latent_dim

    def bijector(self, parameters: tf.Tensor) -> tfb.Bijector:
        """Returns the map from noise to latents, given the encoder's output `[N, num_parameters]`."""
        mean, std = self._mean_and_std(parameters)
        return tfb.Chain([tfb.Shift(mean), tfb.Scale(std)])

    def distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        """Returns q(z | x) on `[N, D]`."""
        return tfd.Independent(tfd.Normal(*self._mean_and_std(parameters)), 1)

    def sample(self, parameters: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the latents `[N, D]` of standard normal noise `[N, D]`, and log q(z | x) in nats `[N]`."""
        bijector = self.bijector(parameters)
        latents = bijector.forward(noise)
        log_base = -0.5 * tf.reduce_sum(noise**2, axis=-1) - self.latent_dim * math.log(2 * math.pi) / 2
        return latents, log_base - bijector.forward_log_det_jacobian(noise, event_ndims=1)

    def center(self, parameters: tf.Tensor) -> tf.Tensor:
        """Returns the latents of zero noise `[N, D]`: the mean of a Gaussian."""
        return self.bijector(parameters).forward(tf.zeros_like(parameters[:, : self.latent_dim]))

    def _mean_and_std(self, parameters):
        mean, log_var = tf.split(parameters[:, : 2 * self.latent_dim], 2, axis=-1)
        return mean, tf.exp(tf.clip_by_value(log_var, *LOG_VARIANCES) / 2)


class FlowPosterior(NormalPosterior):
    """A diagonal Gaussian transformed by a flow, both conditioned on the image (Rezende & Mohamed 2015).

    Args:
      latent_dim: D.
      kind: "iaf", inverse autoregressive flow (Kingma et al. 2016), or "coupling".
      depth: the number of bijectors of the flow.
      width: the units of their networks' hidden layers, and the size of the context that the encoder also
        outputs, an input of those networks.
      seed: integer, of the initial weights.
    """

    def __init__(self, latent_dim: int, kind: str, depth: int, width: int, seed: int, **kwargs):
        super().__init__(latent_dim, **kwargs)
        flow = {"iaf": AutoregressiveFlow, "coupling": CouplingFlow}[kind]
        self.flow = flow(latent_dim, width, depth, width, seed, dtype=self.dtype_policy, name="flow")
        self.context_size = width
        self.built = True

    @property
    def num_parameters(self) -> int:
        return 2 * self.latent_dim + self.context_size

    def bijector(self, parameters: tf.Tensor) -> tfb.Bijector:
        context = parameters[:, 2 * self.latent_dim :]
        return tfb.Chain([self.flow.bijector(context), super().bijector(parameters)])

    def distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        zeros = tf.zeros_like(parameters[:, : self.latent_dim])
        base = tfd.Independent(tfd.Normal(zeros, 1.0), 1)
        identity = tfb.Shift(zeros)  # only adds the batch shape, for latents without one
        return tfd.TransformedDistribution(base, tfb.Chain([identity, self.bijector(parameters)]))
