"""Lower bounds of log p(x): the ELBO and the importance-weighted bound."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from .. import seeds
from ..checks import check_count
from ..compiled import compiled
from ..deprecation import old_arguments
from ..latents import check_latents
from .encoder_decoder import EncoderDecoder
from .importance_weighting import CHUNK, log_mean_weight
from .likelihoods import Likelihood
from .posteriors import NormalPosterior
from .priors import StandardNormal

tfd = tfp.distributions

# The number of images for which the importance-weighted bound is computed at a time.
_IMAGES = 8


class VariationalBounds(EncoderDecoder):
    """An encoder-decoder with a likelihood p(x | z), a posterior q(z | x) and a prior p(z).

    A subclass sets the attributes below. The encoder outputs the parameters of the posterior, the decoder
    those of the likelihood.

    Attributes:
      posterior, prior: the kinds of distributions; "normal": a diagonal and a standard Gaussian.
    """

    posterior: str
    prior: str
    _likelihood: Likelihood
    _posterior: NormalPosterior
    _prior: StandardNormal

    @property
    def has_exact_kl(self) -> bool:
        """Whether the Kullback-Leibler divergence of each dimension is known in closed form."""
        return self.posterior == self.prior == "normal"

    def posterior_distribution(
        self, images: tf.Tensor | np.ndarray, labels: ArrayLike | None = None
    ) -> tfd.Distribution:
        """Returns q(z | x) on `[N, D]`, a TFP distribution with the current weights.

        A flow posterior's density takes D passes of its networks, except for its own samples.
        """
        images, labels = self._check_events(images, labels)
        return self._posterior.distribution(self._parameters(images, labels))

    def prior_distribution(self) -> tfd.Distribution:
        """Returns p(z) on `[D]`, a TFP distribution with the current weights."""
        return self._prior.distribution()

    def likelihood_distribution(
        self, latents: tf.Tensor | np.ndarray, labels: ArrayLike | None = None
    ) -> tfd.Distribution:
        """Returns p(x | z) on `[N, H, W, C]`, a TFP distribution, given latents `[N, D]`."""
        latents = check_latents(latents, self.latent_dim)
        output = self.decoder(latents, self._check_labels(labels, len(latents)))
        return self._likelihood.distribution(output)

    def elbo(
        self, images: tf.Tensor | np.ndarray, seed: ArrayLike = 0, labels: ArrayLike | None = None
    ) -> tf.Tensor:
        """Computes the evidence lower bound of log p, in nats, float32 `[N]`, from one sample of q(z | x).

        E_q[log p(x | z)] - KL(q(z | x) || p(z)). Row i is drawn from (seed, i).

        Args:
          images: `[N, H, W, C]`.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          labels: int `[N]`, for a conditional model.

        Raises:
          ValueError: images or labels have a wrong shape, dtype or range.
        """
        reconstruction, kl = self.elbo_parts(images, seed, labels)
        return reconstruction - kl

    def elbo_parts(
        self, images: tf.Tensor | np.ndarray, seed: ArrayLike = 0, labels: ArrayLike | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the terms of `elbo` in nats, float32 `[N]` each: (reconstruction, kl).

        The ELBO is reconstruction - kl.
        """
        images, labels = self._check_events(images, labels)
        return self._elbo_parts(images, seeds.row_seeds(seed, images.shape[0]), labels)

    def kl(
        self, images: tf.Tensor | np.ndarray, seed: ArrayLike = 0, labels: ArrayLike | None = None
    ) -> tf.Tensor:
        """Computes KL(q(z | x) || p(z)) in nats, float32 `[N]`.

        Exact if posterior and prior are normal; `seed` is then ignored. Otherwise
        log q(z | x) - log p(z) of one sample, which can be negative.
        """
        return self.elbo_parts(images, seed, labels)[1]

    def kl_per_dimension(self, images: tf.Tensor | np.ndarray, labels: ArrayLike | None = None) -> tf.Tensor:
        """Computes KL(q(z_d | x) || p(z_d)) in nats, float32 `[N, D]`.

        Raises:
          ValueError: posterior or prior is not normal: only the sum over dimensions is known.
        """
        if not self.has_exact_kl:
            raise ValueError(
                f"kl_per_dimension needs a normal posterior and prior, got posterior "
                f"{self.posterior!r} and prior {self.prior!r}."
            )
        images, labels = self._check_events(images, labels)
        return self._exact_kl(self._parameters(images, labels))

    @old_arguments(num_samples="importance_samples")
    def log_prob(
        self,
        images: tf.Tensor | np.ndarray,
        importance_samples: int = 100,
        seed: ArrayLike = 0,
        labels: ArrayLike | None = None,
    ) -> tf.Tensor:
        """Computes the importance-weighted lower bound of log p in nats, float32 `[N]`.

        log 1/k sum_k p(x, z_k) / q(z_k | x). Its expectation is at most log p(x), at least the ELBO, and
        grows with k (Burda et al. 2015, theorem 1). Row i is drawn from (seed, i), and its first samples are
        the same for every k. Memory grows neither with k nor with N.

        Args:
          images: `[N, H, W, C]`.
          importance_samples: k; 5000 in the literature.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          labels: int `[N]`, for a conditional model.

        Raises:
          ValueError: images or labels have a wrong shape, dtype or range, or k is below 1.
        """
        count = tf.constant(check_count("importance_samples", importance_samples, 1))
        events, condition = self._check_events(images, labels)
        pairs = seeds.row_seeds(seed, events.shape[0])
        bounds = []
        for first in range(0, events.shape[0], _IMAGES):
            rows = slice(first, first + _IMAGES)
            labels_of_rows = None if condition is None else condition[rows]
            bounds.append(self._importance_weighted(events[rows], pairs[rows], count, labels_of_rows))
        return tf.concat(bounds, axis=0)

    def _parameters(self, images, labels):
        """The encoder's output for images as users pass them."""
        return self.encoder(self._likelihood.as_input(self._likelihood.data(images)), labels)

    def _parts(self, x, noise, labels, target=None):
        """log p(x | z) `[N]`, and the divergence of each dimension `[N, D]` or their sum `[N, 1]`.

        With `target`, log p(target | z) with z from x.
        """
        parameters = self.encoder(self._likelihood.as_input(x), labels)
        latents, log_posterior = self._posterior.sample(parameters, noise)
        likelihood = self._likelihood.distribution(self.decoder(latents, labels))
        reconstruction = likelihood.log_prob(x if target is None else target)
        if self.has_exact_kl:
            return reconstruction, self._exact_kl(parameters)
        return reconstruction, (log_posterior - self._prior.distribution().log_prob(latents))[:, None]

    def _exact_kl(self, parameters):
        posterior, prior = self._posterior.distribution(parameters), self._prior.distribution()
        return tfd.kl_divergence(posterior.distribution, prior.distribution)

    @compiled
    def _elbo_parts(self, images, row_seeds, labels):
        noise = seeds.normal(row_seeds, (self.latent_dim,))
        reconstruction, kl = self._parts(self._likelihood.data(images), noise, labels)
        return reconstruction, tf.reduce_sum(kl, axis=-1)

    @compiled
    def _importance_weighted(self, images, row_seeds, count, labels):
        x = self._likelihood.data(images)
        parameters = tf.repeat(self.encoder(self._likelihood.as_input(x), labels), CHUNK, axis=0)
        labels = None if labels is None else tf.repeat(labels, CHUNK)
        prior = self._prior.distribution()

        def log_weights(noise):
            noise = tf.reshape(noise, [-1, self.latent_dim])
            latents, log_posterior = self._posterior.sample(parameters, noise)
            log_ratio = prior.log_prob(latents) - log_posterior
            output = self.decoder(latents, labels)
            output = tf.reshape(output, [-1, CHUNK, *output.shape[1:]])
            log_likelihood = self._likelihood.distribution(output).log_prob(x[:, None])
            return log_likelihood + tf.reshape(log_ratio, [-1, CHUNK])

        return log_mean_weight(log_weights, row_seeds, self.latent_dim, count)
