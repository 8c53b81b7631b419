"""Variational autoencoders (Kingma & Welling 2013; Rezende et al. 2014), with honest likelihoods."""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from .. import seeds
from ..checks import check_choice, check_count, check_number
from ..compiled import compiled
from ..deprecation import FormerMethod, old_name
from ..images import check_images
from ..latents import check_finite, check_latents, check_temperature
from ..signatures import Signature
from . import posterior_collapse
from .encoder_decoder import EncoderDecoder
from .likelihoods import Bernoulli, DiscretizedLogisticPixels, Gaussian
from .posteriors import FlowPosterior, NormalPosterior
from .priors import FlowPrior, StandardNormal, VampPrior
from .vae_signatures import vae_signatures

tfd = tfp.distributions

# The importance-weighted bound decodes so many images at once, and so many samples of each. The random
# numbers of a sample depend on the second of them.
_IMAGES, _SAMPLES = 8, 50


@keras.saving.register_keras_serializable(package="latentzoo")
class VAE(EncoderDecoder):
    """A variational autoencoder of images, with a choice of likelihood, posterior and prior.

    The loss of an image is its negative ELBO, in nats, or in bits/dim with the discretised logistic
    likelihood. In training, the Kullback-Leibler part weighs `beta`, raised from 0 over the first
    `annealing_steps`, and has free bits. Neither enters anything else: evaluation, and every public
    method, give the plain bound.

    What a pixel is depends on the likelihood (`zoo/vaes/likelihoods.py`):

    - "bernoulli": the probability of white, of which a draw is taken; "dynamic"ally, afresh in every step,
      or once for each image ("static"). In everything but training, each image has its one draw.
    - "gaussian": a continuous value; a uint8 pixel is dequantised in training, else at its bin's centre.
    - "discretized_logistic": one of 256 values; a float pixel is the value in whose bin it lies.

    Args:
      image_shape: (H, W, C); H and W multiples of 2^levels.
      latent_dim: D, the size of the latents.
      levels: how many times the encoder halves the image.
      depth: residual blocks in a level.
      width: channels of the first level, doubled in each further one.
      likelihood: "bernoulli", "gaussian" or "discretized_logistic".
      binarization: "dynamic" or "static", of the Bernoulli likelihood.
      posterior: "normal", a diagonal Gaussian; "iaf", carried on by inverse autoregressive flow (Kingma et
        al. 2016); or "coupling", by affine couplings.
      prior: "normal", the standard one; "flow", carried on by couplings; or "vampprior" (Tomczak & Welling
        2017), which takes a normal posterior and no classes.
      flow_depth, flow_width: maps of the posterior's and the prior's flow, units of their hidden layers.
      components: of the VampPrior.
      beta: weight of the Kullback-Leibler part in training (Higgins et al. 2017); 1: the ELBO.
      annealing_steps: steps in which it rises to `beta`; 0: at once.
      free_bits: nats for each latent dimension that cost nothing in training (Kingma et al. 2016, appendix
        C), compared with the mean over a replica's batch: of each dimension where the divergence is known
        in closed form (normal posterior and prior), else of all together.
      num_classes: 0, or the number of classes that encoder and decoder are told.
      seed: integer, of the initial weights and of the noise in training.
      dtype: Keras dtype policy of the networks, "mixed_bfloat16" included; the rest stays in float32.

    Raises:
      ValueError: an argument of a wrong value.

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

    posterior = FormerMethod("posterior_distribution")
    prior = FormerMethod("prior_distribution")
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
        self._likelihood = self._make_likelihood()
        self._posterior = self._make_posterior()
        self._prior = self._make_prior()
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

    def _make_likelihood(self):
        if self.likelihood == "bernoulli":
            return Bernoulli(self.binarization, name="likelihood")
        if self.likelihood == "gaussian":
            return Gaussian(name="likelihood")
        return DiscretizedLogisticPixels(name="likelihood")

    def _make_posterior(self):
        if self.posterior == "normal":
            return NormalPosterior(self.latent_dim, name="posterior")
        sizes = (self.latent_dim, self.posterior, self.flow_depth, self.flow_width)
        return FlowPosterior(*sizes, self._seed_of(2), dtype=self.dtype_policy, name="posterior")

    def _make_prior(self):
        if self.prior == "normal":
            return StandardNormal(self.latent_dim, name="prior")
        seed = self._seed_of(3)
        if self.prior == "flow":
            sizes = (self.latent_dim, self.flow_depth, self.flow_width)
            return FlowPrior(*sizes, seed, dtype=self.dtype_policy, name="prior")
        sizes = (self.latent_dim, self.components, self.image_shape)
        return VampPrior(*sizes, self._posterior_of_grey, seed, name="prior")

    @property
    def scores(self) -> tuple[str, ...]:
        """The metrics that the model can be scored by, the usual one first."""
        nats = ("elbo", "reconstruction", "kl", "importance_weighted", "active_units")
        return ("bits_per_dim", *nats) if self._is_discrete else nats

    def find_collapse(self, images, labels=None):
        return posterior_collapse.find_posterior_collapse(self, images, labels)

    @property
    def protocol(self) -> str:
        """What its likelihoods are of, in words: the likelihood, and how pixels are taken."""
        return self._likelihood.protocol

    @property
    def loss_name(self) -> str:
        """What the loss is: bits_per_dim with the discretised logistic likelihood, else nats."""
        return "bits_per_dim" if self._is_discrete else "nats"

    @property
    def has_exact_kl(self) -> bool:
        """Whether the Kullback-Leibler divergence is known in closed form, dimension by dimension."""
        return self.posterior == self.prior == "normal"

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

    def call(self, inputs, training=None):
        """The loss of each image, float32 `[N]`.

        Args:
          inputs: images; (images, labels) of a conditional model; or (images, targets): what the likelihood
            is of, where the encoder sees other images.
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
            loss = self._annealed(kl) - reconstruction
        else:
            noise = seeds.normal(seeds.row_seeds(0, count), (self.latent_dim,))
            x = self._likelihood.data(images)
            target = x if targets is images else self._likelihood.data(targets)
            reconstruction, kl = self._parts(x, noise, labels, target)
            loss = tf.reduce_sum(kl, axis=-1) - reconstruction
        return self._as_bits_per_dim(loss) if self._is_discrete else loss

    def _parts(self, x, noise, labels, target=None):
        """log p(x | z) `[N]` and the Kullback-Leibler part `[N, D]`, or `[N, 1]` if not by dimension.

        With `target`, log p(target | z), z still of x.
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

    def _annealed(self, kl):
        """The cost `[N]` of the divergences `[N, groups]` in training."""
        free = self.free_bits * self.latent_dim / kl.shape[-1]
        missing = tf.maximum(free - tf.reduce_mean(kl, axis=0), 0.0)  # what lifts a group to its free bits
        cost = tf.reduce_sum(kl + missing, axis=-1)
        if not self.annealing_steps:
            return self.beta * cost
        optimizer = getattr(self, "optimizer", None)
        step = optimizer.iterations if optimizer is not None else 0
        return self.beta * tf.minimum(tf.cast(step, tf.float32) / self.annealing_steps, 1.0) * cost

    def _as_bits_per_dim(self, nats):
        return nats / (math.prod(self.image_shape) * math.log(2))

    def posterior_distribution(self, images, labels=None) -> tfd.Distribution:
        """q(z | x) on `[N, D]`, a TFP distribution over the weights as they are now.

        A flow posterior's density of latents other than its own samples takes D passes of its networks.
        """
        images, labels = self._check_events(images, labels)
        return self._posterior.distribution(self._parameters(images, labels))

    def prior_distribution(self) -> tfd.Distribution:
        """p(z) on `[D]`, a TFP distribution over the weights as they are now."""
        return self._prior.distribution()

    def likelihood_distribution(self, latents, labels=None) -> tfd.Distribution:
        """p(x | z) on `[N, H, W, C]`, a TFP distribution, given latents `[N, D]`."""
        latents = check_latents(latents, self.latent_dim)
        output = self.decoder(latents, self._check_labels(labels, len(latents)))
        return self._likelihood.distribution(output)

    def sample(self, n: int, seed=0, temperature: float = 1.0, labels=None) -> tf.Tensor:
        """`n` samples, float32 `[n, H, W, C]` in [0, 1]: what `decode` gives of latents of the prior.

        Latents are drawn, pixels are not: their noise is left out, as is usual for VAEs. To draw them too,
        sample from `likelihood_distribution`. Row i is drawn from (seed, i) alone.

        Args:
          n: at least 1.
          seed: an integer, or a pair of integers for each row `[n, 2]`.
          temperature: scale of the noise that latents are made of; 0: the mode of each of the prior's
            Gaussians.
          labels: int `[n]`, or one for all, of a conditional model.

        Raises:
          ValueError: n below 1, labels missing or out of range, a negative temperature, or one so high that
            numbers overflow.
        """
        n = check_count("n", n, 1)
        temperature = check_temperature(temperature)
        images = self._sample(seeds.row_seeds(seed, n), temperature, self._check_labels(labels, n))
        return check_finite(images, f"latents of temperature {temperature:g}")

    def encode(self, images, labels=None, sample: bool = False, seed=0) -> tf.Tensor:
        """Latents of images, float32 `[N, D]`.

        Args:
          images: `[N, H, W, C]`.
          labels: int `[N]` of a conditional model.
          sample: whether to draw from q(z | x). If not, its mean is given; of a posterior with a flow,
            what the flow makes of the mean of its Gaussian.
          seed: of the draw, an integer or a pair for each row `[N, 2]`: row i is drawn from (seed, i).

        Raises:
          ValueError: images or labels of a wrong kind.
        """
        images, labels = self._check_events(images, labels)
        if not sample:
            return self._encode(images, labels)
        return self._encode_sample(images, seeds.row_seeds(seed, images.shape[0]), labels)

    def elbo(self, images, seed=0, labels=None) -> tf.Tensor:
        """The evidence lower bound of log p, in nats, float32 `[N]`, from one sample of q(z | x).

        E_q[log p(x | z)] - KL(q(z | x) || p(z)). Row i is drawn from (seed, i).

        Args:
          images: `[N, H, W, C]`.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          labels: int `[N]` of a conditional model.

        Raises:
          ValueError: images or labels of a wrong kind.
        """
        reconstruction, kl = self.elbo_parts(images, seed, labels)
        return reconstruction - kl

    def elbo_parts(self, images, seed=0, labels=None) -> tuple[tf.Tensor, tf.Tensor]:
        """The two parts of `elbo`, in nats, float32 `[N]` each: reconstruction - kl is the ELBO."""
        images, labels = self._check_events(images, labels)
        return self._elbo_parts(images, seeds.row_seeds(seed, images.shape[0]), labels)

    def kl(self, images, seed=0, labels=None) -> tf.Tensor:
        """KL(q(z | x) || p(z)) in nats, float32 `[N]`.

        Exact where posterior and prior are normal, and `seed` is of no use. Else
        log q(z | x) - log p(z) of one sample, which can be negative.
        """
        return self.elbo_parts(images, seed, labels)[1]

    def kl_per_dimension(self, images, labels=None) -> tf.Tensor:
        """KL(q(z_d | x) || p(z_d)) in nats, float32 `[N, D]`.

        Raises:
          ValueError: posterior or prior are not normal: only their sum over dimensions is known.
        """
        if not self.has_exact_kl:
            raise ValueError(
                f"kl_per_dimension is of normal posteriors and priors, got posterior "
                f"{self.posterior!r} and prior {self.prior!r}."
            )
        images, labels = self._check_events(images, labels)
        return self._exact_kl(self._parameters(images, labels))

    def log_prob(self, images, num_samples: int = 100, seed=0, labels=None) -> tf.Tensor:
        """A lower bound of log p in nats, float32 `[N]`: the importance-weighted one.

        log 1/k sum_k p(x, z_k) / q(z_k | x), in expectation at most log p(x), above the ELBO, and nearer with
        each sample (Burda et al. 2015, theorem 1). Row i is drawn from (seed, i), and its first samples are
        the same for every k. Memory does not grow with k, nor with N.

        Args:
          images: `[N, H, W, C]`.
          num_samples: k; the literature: 5000.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          labels: int `[N]` of a conditional model.

        Raises:
          ValueError: images or labels of a wrong kind, k below 1.
        """
        count = tf.constant(check_count("num_samples", num_samples, 1))
        images, labels = self._check_events(images, labels)
        pairs = seeds.row_seeds(seed, images.shape[0])
        bounds = []
        for first in range(0, images.shape[0], _IMAGES):
            rows = slice(first, first + _IMAGES)
            some = None if labels is None else labels[rows]
            bounds.append(self._importance_weighted(images[rows], pairs[rows], count, some))
        return tf.concat(bounds, axis=0)

    def bits_per_dim(self, images, seed=0, num_samples: int = 1, labels=None) -> tf.Tensor:
        """An upper bound of -log2 p / (H * W * C) of 8-bit images, float32 `[N]`.

        Args:
          images: `[N, H, W, C]`.
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          num_samples: 1: the negative ELBO. More: the importance-weighted bound, as `log_prob`.
          labels: int `[N]` of a conditional model.

        Raises:
          ValueError: another likelihood than the discretised logistic, images or labels of a wrong kind.
        """
        if not self._is_discrete:
            raise ValueError(
                f"bits_per_dim is of the likelihood 'discretized_logistic', and {self.name} has "
                f"{self.likelihood!r}."
            )
        if num_samples == 1:
            return self._as_bits_per_dim(-self.elbo(images, seed, labels))
        return self._as_bits_per_dim(-self.log_prob(images, num_samples, seed, labels))

    def serving_signatures(self) -> list[Signature]:
        """What an export offers a server, the main one first: see `vae_signatures`."""
        return vae_signatures(self)

    @property
    def _depends_on_data(self):
        return self.prior == "vampprior"

    def _initialize(self, images, labels):
        if self.prior == "vampprior":
            self._prior.start_from(check_images(images, self.image_shape))

    def _parameters(self, images, labels):
        """What the encoder gives for images as users have them."""
        return self.encoder(self._likelihood.as_input(self._likelihood.data(images)), labels)

    def _posterior_of_grey(self, images):
        """q(z | x) of images in [0, 1] taken as they are: the components of a VampPrior."""
        return self._posterior.distribution(self.encoder(2 * images - 1))

    def _latents_of(self, images, labels):
        return self._posterior.centre(self._parameters(images, labels))

    def _images_of(self, latents, labels):
        return self._likelihood.images(self.decoder(latents, labels))

    @compiled
    def _sample(self, row_seeds, temperature, labels):
        noise = seeds.normal(row_seeds, (self._prior.noise_size,))
        return self._images_of(self._prior.latents(noise, temperature), labels)

    @compiled
    def _encode_sample(self, images, row_seeds, labels):
        noise = seeds.normal(row_seeds, (self.latent_dim,))
        return self._posterior.sample(self._parameters(images, labels), noise)[0]

    @compiled
    def _elbo_parts(self, images, row_seeds, labels):
        noise = seeds.normal(row_seeds, (self.latent_dim,))
        reconstruction, kl = self._parts(self._likelihood.data(images), noise, labels)
        return reconstruction, tf.reduce_sum(kl, axis=-1)

    @compiled
    def _importance_weighted(self, images, row_seeds, count, labels):
        x = self._likelihood.data(images)
        parameters = tf.repeat(self.encoder(self._likelihood.as_input(x), labels), _SAMPLES, axis=0)
        labels = None if labels is None else tf.repeat(labels, _SAMPLES)
        prior = self._prior.distribution()

        def add_samples(k, log_sum):
            noise = seeds.normal(seeds.fold(row_seeds, k), (_SAMPLES, self.latent_dim))
            latents, log_posterior = self._posterior.sample(
                parameters, tf.reshape(noise, [-1, self.latent_dim])
            )
            log_ratio = prior.log_prob(latents) - log_posterior
            output = self.decoder(latents, labels)
            output = tf.reshape(output, [-1, _SAMPLES, *output.shape[1:]])
            log_weights = self._likelihood.distribution(output).log_prob(x[:, None])
            log_weights += tf.reshape(log_ratio, [-1, _SAMPLES])
            wanted = k * _SAMPLES + tf.range(_SAMPLES) < count
            log_weights = tf.where(wanted, log_weights, -np.inf)
            return k + 1, tfp.math.log_add_exp(log_sum, tf.reduce_logsumexp(log_weights, axis=1))

        start = (0, tf.fill(tf.shape(row_seeds)[:1], -np.inf))
        _, log_sum = tf.while_loop(lambda k, _: k * _SAMPLES < count, add_samples, start)
        return log_sum - tf.math.log(tf.cast(count, tf.float32))
