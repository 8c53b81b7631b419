"""R1 (Mescheder et al. 2018): a discriminator that is flat at real images."""

import tensorflow as tf

from .adversarial import AdversarialTraining
from .training_part import TrainingPart


class R1(TrainingPart):
    """gamma / 2 E |grad D(x)|^2 at real images x; logs the expectation as `r1`.

    Args:
      gamma: weight.
      interval: steps between those of R1; 1: it is a part of every step of the discriminator.
    """

    name = "r1"
    network = "discriminator"
    streams = (3,)
    metric_names = ("r1",)

    def __init__(self, gamma: float, interval: int):
        self.gamma, self.interval = gamma, interval
        self.is_lazy = interval > 1

    def loss(self, model: AdversarialTraining, reals, labels):
        with tf.GradientTape() as tape:
            tape.watch(reals)
            logits = tf.reduce_sum(model._logits(reals, labels, *self.streams))
        squares = tf.reduce_sum(tape.gradient(logits, reals) ** 2, axis=[1, 2, 3])
        penalty = tf.reduce_mean(squares)
        self.log("r1", penalty)
        return self.gamma / 2 * penalty
