"""Priors p(z): a standard normal, a flow, or the VampPrior."""

from collections.abc import Callable

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..images import bin_centers
from .latent_flows import CouplingFlow

tfb = tfp.bijectors
tfd = tfp.distributions


def make(
    kind: str,
    latent_dim: int,
    *,
    flow_depth: int,
    flow_width: int,
    components: int,
    image_shape: tuple[int, int, int],
    posterior: Callable[[tf.Tensor], tfd.Independent],
    seed: int,
    dtype: keras.DTypePolicy,
) -> "StandardNormal":
    """Makes the prior of a VAE: "normal", "flow" or "vampprior", whose components are `posterior(images)`."""
    if kind == "normal":
        return StandardNormal(latent_dim, name="prior")
    if kind == "flow":
        return FlowPrior(latent_dim, flow_depth, flow_width, seed, dtype=dtype, name="prior")
    return VampPrior(latent_dim, components, image_shape, posterior, seed, name="prior")


class StandardNormal(keras.layers.Layer):
    """p(z) = N(0, I).

    Args:
      latent_dim: D.
    """

    def __init__(self, latent_dim: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.latent_dim = self.noise_size = latent_dim
        self.built = True

    def distribution(self) -> tfd.Distribution:
        """Returns p(z) on vectors `[D]`, with the current weights."""
        return tfd.Independent(tfd.Normal(tf.zeros([self.latent_dim]), 1.0), 1)

    def latents(self, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        """Returns the latents `[N, D]` of standard normal noise `[N, noise_size]`.

        Args:
          noise: standard normal, float32.
          temperature: the scale of the noise, a number or `[N, 1]`.
        """
        return temperature * noise


class FlowPrior(StandardNormal):
    """A standard normal transformed by affine couplings. Forward is from latents to noise, as in other flows.

    Args:
      latent_dim: D, at least 2.
      depth: the number of couplings.
      width: the units of their networks' hidden layers.
      seed: integer, of the initial weights.
    """

    def __init__(self, latent_dim: int, depth: int, width: int, seed: int, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.flow = CouplingFlow(latent_dim, 0, depth, width, seed, dtype=self.dtype_policy, name="flow")
        self.built = True

    def distribution(self) -> tfd.Distribution:
        return tfd.TransformedDistribution(super().distribution(), tfb.Invert(self.flow.bijector()))

    def latents(self, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        return self.flow.bijector().inverse(temperature * noise)


class VampPrior(StandardNormal):
    """The average posterior of learned images: p(z) = 1/K sum_k q(z | u_k) (Tomczak & Welling 2017).

    The u_k are sigmoids of weights. The paper clips them to [0, 1], where gradients vanish. They are
    initialized with training images (`start_from`), in the paper with noise.

    Args:
      latent_dim: D.
      components: K; 500 in the paper.
      image_shape: (H, W, C).
      posterior: a function from images `[K, H, W, C]` in [0, 1] to the Gaussians q(z | u_k).
      seed: integer, of the initial weights.
    """

    def __init__(
        self,
        latent_dim: int,
        components: int,
        image_shape: tuple[int, int, int],
        posterior: Callable[[tf.Tensor], tfd.Independent],
        seed: int,
        **kwargs,
    ):
        super().__init__(latent_dim, **kwargs)
        self.noise_size = latent_dim + 1  # the last number chooses the component
        self.components = components
        self._posterior = posterior
        self.pseudo_logits = self.add_weight(
            shape=(components, *image_shape),
            dtype="float32",
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=seed),
            autocast=False,
            name="pseudo_logits",
        )
        self.built = True

    def start_from(self, images: tf.Tensor) -> None:
        """Sets the pseudo-inputs to images `[N, H, W, C]`, repeated if N < K, plus a little noise.

        The noise is the weights' old values, so that no two pseudo-inputs are the same.
        """
        x = tf.clip_by_value(bin_centers(images), 0.02, 0.98)
        x = tf.gather(x, tf.range(self.components) % tf.shape(x)[0])
        self.pseudo_logits.assign(tf.math.log(x / (1 - x)) + 0.1 * self.pseudo_logits)

    def distribution(self) -> tfd.Distribution:
        uniform = tfd.Categorical(tf.zeros([self.components]))
        return tfd.MixtureSameFamily(uniform, self._gaussians())

    def latents(self, noise: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
        gaussians = self._gaussians().distribution
        position = tfd.Normal(0.0, 1.0).cdf(noise[:, -1]) * self.components
        k = tf.minimum(tf.cast(position, tf.int32), self.components - 1)
        return tf.gather(gaussians.loc, k) + temperature * tf.gather(gaussians.scale, k) * noise[:, :-1]

    def _gaussians(self) -> tfd.Independent:
        return self._posterior(tf.sigmoid(tf.convert_to_tensor(self.pseudo_logits)))
