"""R1 regularization: a gradient penalty at real images (Mescheder et al. 2018)."""

import tensorflow as tf

from .adversarial import AdversarialTraining
from .training_part import TrainingPart


class R1(TrainingPart):
    """Adds gamma / 2 E |grad D(x)|^2 at real images x; logs the expectation as `r1`.

    Args:
      gamma: weight of the penalty.
      interval: number of steps between R1 steps; with 1, every step of the discriminator includes R1.
    """

    name = "r1"
    network = "discriminator"
    streams = (3,)
    metric_names = ("r1",)

    def __init__(self, gamma: float, interval: int):
        self.gamma, self.interval = gamma, interval
        self.is_lazy = interval > 1

    def loss(self, model: AdversarialTraining, reals: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(reals)
            logits = tf.reduce_sum(model._logits(reals, labels, *self.streams))
        squares = tf.reduce_sum(tape.gradient(logits, reals) ** 2, axis=[1, 2, 3])
        penalty = tf.reduce_mean(squares)
        self.log("r1", penalty)
        return self.gamma / 2 * penalty
