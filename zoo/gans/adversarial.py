"""The game of two networks against each other (Goodfellow et al. 2014): a training step."""

import tensorflow as tf

from .. import seeds
from ..batch_loss import replica_share
from ..images import check_kind, from_keras
from .gan_fitting import FittedGAN
from .training_part import TrainingPart

# Random numbers of a training step come from so many streams; the first three are those of the images that
# the generator and the discriminator train on, and of the augmentation of real ones.
_STREAMS = 8
_GENERATOR, _DISCRIMINATOR, _REALS = range(3)


class AdversarialTraining(FittedGAN):
    """A step of the game with the non-saturating logistic loss, and with the parts that a model adds.

        L_D = E softplus(D(G(z))) + E softplus(-D(x)),  L_G = E softplus(-D(G(z)))

    A step is the generator's, then the discriminator's, each on new latents. A part's loss is added to one
    of them, or has a lazy step of its own.

    A subclass has `generator`, `discriminator`, `image_shape`, `latent_dim` and `seed`, and writes
    `_images_of` and `_from_unit`.
    """

    loss_name = "discriminator_loss"
    metric_names = ("generator_loss", "real_sign", "fake_sign")

    def _step(self, data) -> tf.Tensor:
        """A step of both networks on a replica; returns how many images it had."""
        reals, labels = self._reals_and_labels(data)
        count = tf.shape(reals)[0]
        with tf.GradientTape() as tape:
            fakes = self._training_images(count, labels, _GENERATOR)
            loss = tf.reduce_mean(tf.nn.softplus(-self._logits(fakes, labels, _GENERATOR)))
            total = self._with_losses_of_parts(loss, "generator", reals, labels)
        self._apply(tape, total, count, "generator")
        self._log("generator_loss", loss)
        fakes = self._training_images(count, labels, _DISCRIMINATOR)
        with tf.GradientTape() as tape:
            fake_logits = self._logits(fakes, labels, _DISCRIMINATOR)
            real_logits = self._logits(reals, labels, _REALS)
            loss = tf.reduce_mean(tf.nn.softplus(fake_logits) + tf.nn.softplus(-real_logits))
            total = self._with_losses_of_parts(loss, "discriminator", reals, labels)
        self._apply(tape, total, count, "discriminator")
        self._loss_tracker.update_state(loss)
        self._log("real_sign", tf.reduce_mean(tf.sign(real_logits)))
        self._log("fake_sign", tf.reduce_mean(tf.sign(fake_logits)))
        for part in self._parts:
            part.observe(real_logits)
        return count

    def _lazy_step(self, part: TrainingPart, data) -> tf.Tensor:
        """A step on the loss of a lazy part alone; returns how many images it had."""
        reals, labels = self._reals_and_labels(data)
        count = tf.shape(reals)[0]
        with tf.GradientTape() as tape:
            loss = part.interval * part.loss(self, reals, labels)
        self._apply(tape, loss, count, part.network)
        return count

    def _with_losses_of_parts(self, loss, network, reals, labels):
        """The loss of a network, with those of the parts that are in every step."""
        for part in self._parts:
            if part.network == network and not part.is_lazy:
                loss += part.loss(self, reals, labels)
        return loss

    def _apply(self, tape, loss, count, network):
        """A step of a network's optimizer, which sums the replicas' gradients: each has its part of the mean.

        `count` is of this replica's real images.
        """
        optimizer = self.optimizer if network == "generator" else self.discriminator_optimizer
        variables = getattr(self, network).trainable_variables
        if not variables:  # all of it is frozen
            return
        gradients = tape.gradient(loss, variables, output_gradients=replica_share(count))
        # As in the official code, what a penalty does not depend on still moves by its momentum.
        gradients = [
            tf.zeros(variable.shape, variable.dtype) if gradient is None else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def _reals_and_labels(self, data):
        images, labels = self._images_and_labels(data)
        images = from_keras(images)
        check_kind(images, self.image_shape)
        labels = None if labels is None else tf.cast(labels, tf.int32)
        reals = self._from_unit(images)
        for part in self._parts:
            reals = part.prepare_reals(reals)
        return reals, labels

    def _logits(self, images, labels, stream):
        """The discriminator's logits `[N]` of images in its own range; random numbers from `stream`."""
        for part in self._parts:
            images = part.augment(images, self, stream)
        return self.discriminator(images, labels)

    def _log(self, name, value):
        self._state.metrics[name].update_state(value)

    def _training_images(self, count, labels, stream) -> tf.Tensor:
        """Images of new latents, in the networks' range, with all that is random in training."""
        return self._images_of(self._training_normal([count, self.latent_dim], stream), labels)

    def _training_normal(self, shape, stream, part=0):
        """Standard normal numbers of this step; each stream and part of it has others."""
        return tf.random.stateless_normal(shape, self._training_seed(stream, part))

    def _training_uniform(self, shape, stream, part=0):
        """The same, uniform in [0, 1)."""
        return tf.random.stateless_uniform(shape, self._training_seed(stream, part))

    def _training_seed(self, stream, part=0):
        pair = seeds.training_seed(self.seed, self._state.step * _STREAMS + stream)
        return tf.random.experimental.stateless_fold_in(pair, part)

    def _images_of(self, latents, labels):
        """Images of latents, of the networks' size and range."""
        raise NotImplementedError

    def _from_unit(self, images):
        """Images as users have them as the networks': from -1 to 1, of their size."""
        raise NotImplementedError
