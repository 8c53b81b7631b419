"""Adaptive discriminator augmentation (ADA): as much of it as the discriminator overfits.

Source: Karras et al. 2020, "Training generative adversarial networks with limited data". `augment` has the
transformations.
"""

import tensorflow as tf

from .adversarial import AdversarialTraining
from .augment import Augment
from .training_part import TrainingPart

# Steps between changes of the probability.
_INTERVAL = 4

# The part of a stream that augmentation draws from.
_PART = 1000


class AdaptiveAugmentation(TrainingPart):
    """Augments all images that the discriminator sees; logs the probability as `augmentation`.

    Args:
      layer: the augmentation, whose probability `p` is a weight.
      target: what E sign D(x) of real images is held at.
      ramp_images: in so many images the probability may rise from 0 to 1.
    """

    name = "ada"
    metric_names = ("augmentation",)
    variable_names = ("signs",)  # the mean sign since the last change, as far as it is known

    def __init__(self, layer: Augment, target: float, ramp_images: int):
        self.layer, self.target, self.ramp_images = layer, target, ramp_images

    def augment(self, images, model: AdversarialTraining, stream):
        return self.layer(images, model._training_seed(stream, _PART))

    def observe(self, real_logits):
        self.variables["signs"].assign_add(tf.reduce_mean(tf.sign(real_logits)) / _INTERVAL)
        self.log("augmentation", self.layer.p.value)

    def after_step(self, step, images, count):
        p, signs, due = self.layer.p, self.variables["signs"], step % _INTERVAL == 0
        since = tf.cast(count, tf.float32) * _INTERVAL
        moved = adapt(p.value, signs, self.target, since, self.ramp_images)
        p.assign(tf.where(due, moved, p.value))
        signs.assign(tf.where(due, 0.0, signs))


def adapt(p: tf.Tensor, signs: tf.Tensor, target: float, images: tf.Tensor | int, over: float) -> tf.Tensor:
    """The probability that follows p, when the discriminator overfits as its answers to real images say.

        p + sign(signs - target) * images / over, and at least 0

    Args:
      p: the probability.
      signs: the mean sign of the discriminator's logits on real images. Overfitting, it is nearly 1.
      target: of that mean; the paper has 0.6.
      images: how many were seen since the last change.
      over: in so many images p rises from 0 to 1; the paper has 500,000.

    >>> from latentzoo.zoo.gans.ada import adapt
    >>> round(float(adapt(0.1, 0.7, 0.6, 256, 500_000)), 6), float(adapt(0.0, 0.5, 0.6, 256, 500_000))
    (0.100512, 0.0)
    """
    return tf.maximum(p + tf.sign(signs - target) * tf.cast(images, tf.float32) / over, 0.0)
