"""Adversarial training of two networks (Goodfellow et al. 2014): the training step."""

import tensorflow as tf

from .. import seeds
from ..batch_loss import replica_share
from ..images import check_kind, from_keras
from .gan_fitting import FittedGAN
from .training_part import TrainingPart

# Number of random streams in a training step. The first three are for the images that the generator and the
# discriminator are trained on, and for the augmentation of real images.
_STREAMS = 8
_GENERATOR, _DISCRIMINATOR, _REALS = range(3)


class AdversarialTraining(FittedGAN):
    """A training step with the non-saturating logistic loss and the training parts of a model.

        L_D = E softplus(D(G(z))) + E softplus(-D(x)),  L_G = E softplus(-D(G(z)))

    Each step updates the generator, then the discriminator, both on new latents. The loss of a part is
    added to one of the two losses, or has a separate lazy step.

    A subclass sets `generator`, `discriminator`, `image_shape`, `latent_dim` and `seed`, and implements
    `_images_of` and `_from_unit`.
    """

    loss_name = "discriminator_loss"
    metric_names = ("generator_loss", "real_sign", "fake_sign")

    def _step(self, data) -> tf.Tensor:
        """Updates both networks on one replica; returns the number of images."""
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
        """A step on the loss of one lazy part; returns the number of images."""
        reals, labels = self._reals_and_labels(data)
        count = tf.shape(reals)[0]
        with tf.GradientTape() as tape:
            loss = part.interval * part.loss(self, reals, labels)
        self._apply(tape, loss, count, part.network)
        return count

    def _with_losses_of_parts(self, loss, network, reals, labels):
        """Adds the losses of the parts that apply in every step to the loss of a network."""
        for part in self._parts:
            if part.network == network and not part.is_lazy:
                loss += part.loss(self, reals, labels)
        return loss

    def _apply(self, tape, loss, count, network):
        """Applies a network's optimizer, which sums the replicas' gradients: each is scaled by its share.

        `count` is the number of real images on this replica.
        """
        optimizer = self.optimizer if network == "generator" else self.discriminator_optimizer
        variables = getattr(self, network).trainable_variables
        if not variables:  # the network is frozen
            return
        gradients = tape.gradient(loss, variables, output_gradients=replica_share(count))
        # As in the official code, weights that a penalty does not depend on still move by their momentum.
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
        """Logits `[N]` of images in [-1, 1]; augmentation draws from `stream`."""
        for part in self._parts:
            images = part.augment(images, self, stream)
        return self.discriminator(images, labels)

    def _log(self, name, value):
        self._training.metrics[name].update_state(value)

    def _training_images(self, count, labels, stream) -> tf.Tensor:
        """Generated images of new latents, in [-1, 1], with all of the randomness of training."""
        return self._images_of(self._training_normal([count, self.latent_dim], stream), labels)

    def _training_normal(self, shape, stream, part=0):
        """Standard normal numbers, different for each step, stream and part."""
        return tf.random.stateless_normal(shape, self._training_seed(stream, part))

    def _training_uniform(self, shape, stream, part=0):
        """Uniform numbers in [0, 1), likewise."""
        return tf.random.stateless_uniform(shape, self._training_seed(stream, part))

    def _training_seed(self, stream, part=0):
        pair = seeds.training_seed(self.seed, self._training.step * _STREAMS + stream)
        return tf.random.experimental.stateless_fold_in(pair, part)

    def _images_of(self, latents, labels):
        """Generated images at the size of the networks, in [-1, 1]."""
        raise NotImplementedError

    def _from_unit(self, images):
        """User images at the size of the networks, in [-1, 1]."""
        raise NotImplementedError
