"""Adaptive discriminator augmentation (ADA): the more the discriminator overfits, the more augmentation.

Source: Karras et al. 2020, "Training generative adversarial networks with limited data". The
transformations are in `augment`.
"""

import tensorflow as tf

from .adversarial import AdversarialTraining
from .augment import Augment
from .training_part import TrainingPart

# Steps between updates of the probability.
_INTERVAL = 4

# Augmentation folds this number into the seed of a stream.
_PART = 1000


class AdaptiveAugmentation(TrainingPart):
    """Augments every image that the discriminator sees; logs the probability as `augmentation`.

    Args:
      layer: the augmentation; its probability `p` is a weight.
      target: value that E sign D(x) of real images is kept at.
      ramp_images: number of images in which the probability can rise from 0 to 1.
    """

    name = "ada"
    metric_names = ("augmentation",)
    variable_names = ("signs",)  # running mean of the signs since the last update

    def __init__(self, layer: Augment, target: float, ramp_images: int):
        self.layer, self.target, self.ramp_images = layer, target, ramp_images

    def augment(self, images: tf.Tensor, model: AdversarialTraining, stream: int) -> tf.Tensor:
        return self.layer(images, model._training_seed(stream, _PART))

    def observe(self, real_logits: tf.Tensor) -> None:
        self.variables["signs"].assign_add(tf.reduce_mean(tf.sign(real_logits)) / _INTERVAL)
        self.log("augmentation", self.layer.p.value)

    def after_step(self, step: tf.Tensor, images: tf.Tensor, count: tf.Tensor) -> None:
        p, signs, due = self.layer.p, self.variables["signs"], step % _INTERVAL == 0
        since = tf.cast(count, tf.float32) * _INTERVAL
        moved = adapt(p.value, signs, self.target, since, self.ramp_images)
        p.assign(tf.where(due, moved, p.value))
        signs.assign(tf.where(due, 0.0, signs))


def adapt(p: tf.Tensor, signs: tf.Tensor, target: float, images: tf.Tensor | int, over: float) -> tf.Tensor:
    """Returns the next augmentation probability.

        max(0, p + sign(signs - target) * images / over)

    Args:
      p: the current probability.
      signs: mean sign of the discriminator's logits on real images; close to 1 when it overfits.
      target: target value of `signs`; 0.6 in the paper.
      images: number of images since the last update.
      over: number of images in which p can rise from 0 to 1; 500,000 in the paper.

    >>> from latentzoo.zoo.gans.ada import adapt
    >>> round(float(adapt(0.1, 0.7, 0.6, 256, 500_000)), 6), float(adapt(0.0, 0.5, 0.6, 256, 500_000))
    (0.100512, 0.0)
    """
    return tf.maximum(p + tf.sign(signs - target) * tf.cast(images, tf.float32) / over, 0.0)
