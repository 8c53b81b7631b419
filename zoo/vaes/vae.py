"""Variational autoencoders (Kingma & Welling 2013; Rezende et al. 2014), with proper likelihoods."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from .. import seeds
from ..checks import check_choice, check_count, check_number
from ..compiled import compiled
from ..deprecation import FormerMethod, old_arguments, old_name
from ..images import check_images
from ..signatures import Signature
from . import likelihoods, posterior_collapse, posteriors, priors
from .annealing import annealing_weight, with_free_bits
from .bounds import VariationalBounds
from .vae_signatures import vae_signatures


@keras.saving.register_keras_serializable(package="latentzoo")
class VAE(VariationalBounds):
    """A variational autoencoder of images, with a choice of likelihood, posterior and prior.

    The loss of an image is its negative ELBO, in nats, or in bits/dim with the discretized logistic
    likelihood. In training, the Kullback-Leibler divergence is weighted by `beta`, annealed from 0 over
    `annealing_steps`, and has free bits. Evaluation and all public methods use none of these: they return
    the plain bound.

    The likelihood determines the meaning of a pixel (`zoo/vaes/likelihoods.py`):

    - "bernoulli": a grayscale value is the probability of white, and the image is randomly binarized: in
      training anew in every step ("dynamic") or once for each image ("static"); elsewhere always once.
    - "gaussian": a continuous value. A uint8 pixel is dequantized in training; elsewhere it is the center of
      its bin.
    - "discretized_logistic": one of 256 values. A float pixel is the value whose bin contains it.

    Args:
      image_shape: (H, W, C); H and W multiples of 2^levels.
      latent_dim: D, the size of the latents.
      levels: how many times the encoder halves the image.
      depth: the number of residual blocks in each level.
      width: the channels of the first level; each further level doubles them.
      likelihood: "bernoulli", "gaussian" or "discretized_logistic".
      binarization: "dynamic" or "static", of the Bernoulli likelihood.
      posterior: "normal", a diagonal Gaussian; "iaf", with an inverse autoregressive flow (Kingma et al.
        2016); or "coupling", with a flow of affine couplings.
      prior: "normal", a standard normal; "flow", with a flow of affine couplings; or "vampprior" (Tomczak &
        Welling 2017), which requires a normal posterior and no classes.
      flow_depth: the number of bijectors in the flows of posterior and prior.
      flow_width: the units of their networks' hidden layers.
      components: the number of components of the VampPrior.
      beta: the weight of the Kullback-Leibler divergence in training (Higgins et al. 2017); 1: the ELBO.
      annealing_steps: training steps over which the weight rises from 0 to `beta`; 0: no annealing.
      free_bits: nats per latent dimension that cost nothing in training (Kingma et al. 2016, appendix C),
        compared with the mean over a replica's batch: for each dimension if the divergence is known in
        closed form (normal posterior and prior), else for all together.
      num_classes: the number of classes that encoder and decoder are conditioned on, or 0.
      seed: integer, of the initial weights and of the noise in training.
      dtype: Keras dtype policy of the networks, including "mixed_bfloat16"; the rest stays in float32.

    Raises:
      ValueError: an argument has an invalid value.

    >>> import keras, numpy as np
    >>> from latentzoo.zoo.vaes import VAE
    >>> images = np.random.default_rng(0).integers(0, 256, [32, 8, 8, 1], np.uint8)
    >>> model = VAE(image_shape=(8, 8, 1), latent_dim=4, levels=2, depth=1, width=4)
    >>> model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
    >>> history = model.fit(images, batch_size=16, verbose=0)
    >>> model.sample(5).shape, model.elbo(images).shape
    (TensorShape([5, 8, 8, 1]), TensorShape([32]))
    """

    collapse_examples = posterior_collapse.NUM_EXAMPLES

    likelihood_kind = "bound"
    sampling_options = ("temperature",)

    # Descriptors of strings.
    posterior = FormerMethod("posterior_distribution")  # pyright: ignore[reportAssignmentType]
    prior = FormerMethod("prior_distribution")  # pyright: ignore[reportAssignmentType]
    posterior_kind = old_name("posterior_kind", "posterior")
    prior_kind = old_name("prior_kind", "prior")
    likelihood_of = old_name("likelihood_of", "likelihood_distribution")

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        latent_dim: int = 32,
        levels: int = 2,
        depth: int = 1,
        width: int = 32,
        likelihood: str = "bernoulli",
        binarization: str = "dynamic",
        posterior: str = "normal",
        prior: str = "normal",
        flow_depth: int = 4,
        flow_width: int = 128,
        components: int = 500,
        beta: float = 1.0,
        annealing_steps: int = 0,
        free_bits: float = 0.0,
        num_classes: int = 0,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, levels, depth, width, num_classes, seed, **kwargs)
        self.likelihood = check_choice(
            "likelihood", likelihood, ("bernoulli", "gaussian", "discretized_logistic")
        )
        self.binarization = check_choice("binarization", binarization, ("dynamic", "static"))
        self.posterior = check_choice("posterior", posterior, ("normal", "iaf", "coupling"))
        self.prior = check_choice("prior", prior, ("normal", "vampprior", "flow"))
        self.flow_depth = check_count("flow_depth", flow_depth, 1)
        self.flow_width = check_count("flow_width", flow_width, 1)
        self.components = check_count("components", components, 1)
        self.beta = check_number("beta", beta, 0)
        self.annealing_steps = check_count("annealing_steps", annealing_steps, 0)
        self.free_bits = check_number("free_bits", free_bits, 0)
        self._needs_whole_batch = self.free_bits > 0
        self._check_combination()
        self._likelihood = likelihoods.make(self.likelihood, self.binarization)
        flow = {"flow_depth": self.flow_depth, "flow_width": self.flow_width, "dtype": self.dtype_policy}
        self._posterior = posteriors.make(self.posterior, self.latent_dim, seed=self._part_seed(2), **flow)
        self._prior = priors.make(
            self.prior,
            self.latent_dim,
            seed=self._part_seed(3),
            components=self.components,
            image_shape=self.image_shape,
            posterior=self._component_posterior,
            **flow,
        )
        self.encoder = self._make_encoder(self._posterior.num_parameters)
        self.decoder = self._make_decoder(self._likelihood.channels_factor * self.image_shape[-1])
        self.built = True

    def _check_combination(self):
        couples = self.posterior == "coupling" or self.prior == "flow"
        if couples and self.latent_dim == 1:
            raise ValueError("latent_dim is 1, expected at least 2 for couplings.")
        if self.prior == "vampprior" and self.posterior != "normal":
            raise ValueError(f"posterior is {self.posterior!r}, expected 'normal' with a VampPrior.")
        if self.prior == "vampprior" and self.num_classes:
            raise ValueError(f"num_classes is {self.num_classes}, expected 0 with a VampPrior.")

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the model's metrics, the main one first."""
        nats = ("elbo", "reconstruction", "kl", "importance_weighted", "active_units")
        return ("bits_per_dim", *nats) if self._is_discrete else nats

    def find_collapse(self, images: np.ndarray, labels: np.ndarray | None = None) -> str | None:
        return posterior_collapse.find_posterior_collapse(self, images, labels)

    @property
    def protocol(self) -> str:
        """A human-readable description of the likelihood and its treatment of pixels."""
        return self._likelihood.protocol

    @property
    def loss_name(self) -> str:
        """The name of the loss: bits_per_dim with the discretized logistic likelihood, else nats."""
        return "bits_per_dim" if self._is_discrete else "nats"

    @property
    def _is_discrete(self):
        return self._likelihood.unit == "bits/dim"

    def _as_input(self, data):
        inputs, weights = super()._as_input(data)
        if weights is not None and self.free_bits:
            raise ValueError(
                f"sample_weight was given, but free_bits is {self.free_bits:g}: it compares the mean over a "
                "batch, in which examples have no weights; expected one of the two."
            )
        return inputs, weights

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        """Returns the loss of each image, float32 `[N]`.

        Args:
          inputs: images; (images, labels) for a conditional model; or (images, targets): the encoder sees
            the images, the likelihood is that of the targets.
          training: whether to draw new noise, and to weight the divergence.
        """
        images, labels, targets = self._images_labels_targets(inputs)
        count = tf.shape(images)[0]
        if training:
            step = self._noise_step()
            uniform = seeds.training_uniform(self.seed, step, tf.shape(images))
            noise = seeds.training_normal(self.seed, step, [count, self.latent_dim])
            x = self._likelihood.data(images, uniform)
            target = x if targets is images else self._likelihood.data(targets, uniform)
            reconstruction, kl = self._parts(x, noise, labels, target)
            loss = self._training_cost(kl) - reconstruction
        else:
            noise = seeds.normal(seeds.row_seeds(0, count), (self.latent_dim,))
            x = self._likelihood.data(images)
            target = x if targets is images else self._likelihood.data(targets)
            reconstruction, kl = self._parts(x, noise, labels, target)
            loss = tf.reduce_sum(kl, axis=-1) - reconstruction
        return self._as_bits_per_dim(loss) if self._is_discrete else loss

    def _training_cost(self, kl):
        optimizer = getattr(self, "optimizer", None)
        step = 0 if optimizer is None else optimizer.iterations
        weight = self.beta * annealing_weight(self.annealing_steps, step)
        return weight * with_free_bits(kl, self.free_bits * self.latent_dim)

    def _as_bits_per_dim(self, nats):
        return nats / (math.prod(self.image_shape) * math.log(2))

    @old_arguments(n="num_samples")
    def sample(
        self,
        num_samples: int,
        seed: ArrayLike = 0,
        temperature: float = 1.0,
        labels: ArrayLike | None = None,
    ) -> tf.Tensor:
        """Samples images, float32 `[num_samples, H, W, C]` in [0, 1], by decoding latents of the prior.

        Only latents are sampled, not pixels, as is usual for VAEs. To sample pixels too, use
        `likelihood_distribution`. Row i depends only on (seed, i).

        Args:
          num_samples: at least 1.
          seed: an integer, or a pair of integers for each row `[num_samples, 2]`.
          temperature: the scale of the latents' noise; 0: the mode of each of the prior's Gaussians.
          labels: int `[num_samples]`, or one for all, for a conditional model.

        Raises:
          ValueError: num_samples is below 1, labels are missing or out of range, or the temperature is
            negative or so high that numbers overflow.
        """
        return self._sampled(num_samples, seed, temperature, labels)

    def encode(
        self,
        images: tf.Tensor | np.ndarray,
        labels: ArrayLike | None = None,
        sample: bool = False,
        seed: ArrayLike = 0,
    ) -> tf.Tensor:
        """Encodes images as latents, float32 `[N, D]`.

        Args:
          images: `[N, H, W, C]`.
          labels: int `[N]`, for a conditional model.
          sample: whether to sample from q(z | x). If not, the latents are its mean; with a flow posterior,
            the mean of its Gaussian transformed by the flow.
          seed: an integer, or a pair of integers for each row `[N, 2]`: row i is drawn from (seed, i).

        Raises:
          ValueError: images or labels have a wrong shape, dtype or range.
        """
        images, labels = self._check_events(images, labels)
        if not sample:
            return self._encode(images, labels)
        return self._encode_sample(images, seeds.row_seeds(seed, images.shape[0]), labels)

    @old_arguments(num_samples="importance_samples")
    def bits_per_dim(
        self,
        images: tf.Tensor | np.ndarray,
        seed: ArrayLike = 0,
        importance_samples: int = 1,
        labels: ArrayLike | None = None,
    ) -> tf.Tensor:
        """Computes an upper bound of -log2 p / (H * W * C) of 8-bit images, float32 `[N]`.

        Args:
          images: `[N, H, W, C]`.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          importance_samples: 1: the negative ELBO. More: the importance-weighted bound, as in `log_prob`.
          labels: int `[N]`, for a conditional model.

        Raises:
          ValueError: the likelihood is not the discretized logistic, or images or labels have a wrong shape,
            dtype or range.
        """
        if not self._is_discrete:
            raise ValueError(
                f"bits_per_dim needs the likelihood 'discretized_logistic', got {self.likelihood!r}."
            )
        if importance_samples == 1:
            return self._as_bits_per_dim(-self.elbo(images, seed, labels))
        return self._as_bits_per_dim(-self.log_prob(images, importance_samples, seed, labels))

    def serving_signatures(self) -> list[Signature]:
        """Returns the signatures of an exported model, the default first: see `vae_signatures`."""
        return vae_signatures(self)

    @property
    def _depends_on_data(self):
        return self.prior == "vampprior"

    def _initialize(self, images, labels):
        if self.prior == "vampprior":
            self._prior.start_from(check_images(images, self.image_shape))

    def _component_posterior(self, images):
        """q(z | x) of float images in [0, 1], without binarization: the components of a VampPrior."""
        return self._posterior.distribution(self.encoder(2 * images - 1))

    def _encode_images(self, images, labels):
        return self._posterior.center(self._parameters(images, labels))

    def _decode_latents(self, latents, labels):
        return self._likelihood.images(self.decoder(latents, labels))

    @compiled
    def _draw(self, row_seeds, temperature, labels):
        noise = seeds.normal(row_seeds, (self._prior.noise_size,))
        return self._decode_latents(self._prior.latents(noise, temperature), labels)

    @compiled
    def _encode_sample(self, images, row_seeds, labels):
        noise = seeds.normal(row_seeds, (self.latent_dim,))
        return self._posterior.sample(self._parameters(images, labels), noise)[0]
