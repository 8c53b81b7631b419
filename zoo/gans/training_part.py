"""What the training of a GAN adds to the game of its two networks: regularization, augmentation, growing.

A part is a file with one subclass of `TrainingPart`, and a line in the `training_parts` of the models that
use it.
"""

import math

import keras
import tensorflow as tf


class LazyMean(keras.metrics.Mean):
    """A mean that is NaN before its first value, not 0: a lazy step may not have come yet."""

    def result(self):
        return tf.where(self.count > 0, super().result(), math.nan)


class TrainingPart:
    """One addition to the game. What a part does not override adds nothing.

    A part with a `loss` names the `network` whose loss it adds to: in every step, or, if it is lazy, in a
    step of its own every `interval` steps, times the interval (StyleGAN2, appendix B).

    Attributes:
      name: of the part; its variables are saved under it.
      network: "generator" or "discriminator"; None: the part has no loss.
      interval: steps between those of the loss.
      is_lazy: whether the loss has steps of its own.
      streams: those of the step's random numbers that are this part's alone, from 3 to 7; see
        `AdversarialTraining`.
      metric_names: of what the part logs.
      variable_names: of its state, float32 numbers that start at 0.
      metrics, variables: by these names, once the part is built.
    """

    name: str
    network: str | None = None
    interval: int = 1
    is_lazy: bool = False
    streams: tuple[int, ...] = ()
    metric_names: tuple[str, ...] = ()
    variable_names: tuple[str, ...] = ()

    def build(self) -> None:
        """Makes the metrics and variables as a training begins, in the scope of the model's strategy."""
        self.metrics = {name: LazyMean(name) for name in self.metric_names}
        # What replicas assign is averaged.
        mean = tf.VariableAggregation.MEAN
        self.variables = {
            name: tf.Variable(0.0, trainable=False, aggregation=mean) for name in self.variable_names
        }

    def log(self, name: str, value: tf.Tensor) -> None:
        """Adds a value to the mean of that name, which `fit` logs."""
        self.metrics[name].update_state(value)

    def loss(self, model: keras.Model, reals: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        """The mean over the real images `[N, H, W, C]` of a replica, or over what takes their place."""
        raise NotImplementedError

    def prepare_reals(self, reals: tf.Tensor) -> tf.Tensor:
        """The real images, before anything else sees them."""
        return reals

    def augment(self, images: tf.Tensor, model: keras.Model, stream: int) -> tf.Tensor:
        """All images, real or not, before the discriminator sees them; random numbers from `stream`."""
        return images

    def observe(self, real_logits: tf.Tensor) -> None:
        """Called in every step with the discriminator's logits of the real images."""

    def after_step(self, step: tf.Tensor, images: tf.Tensor, count: tf.Tensor) -> None:
        """Called on all replicas together, after `step` steps of `images` images, `count` in the last one."""
