"""Additions to the adversarial losses of a GAN: regularization, augmentation, progressive growing.

To add one, write a file with a subclass of `TrainingPart` and list it in the `training_parts` of the models
that use it.
"""

import math

import keras
import tensorflow as tf


class LazyMean(keras.metrics.Mean):
    """A mean that is NaN, not 0, before its first value: no lazy step may have run yet."""

    def result(self) -> tf.Tensor:
        return tf.where(self.count > 0, super().result(), math.nan)


class TrainingPart:
    """One addition to adversarial training. The methods do nothing by default.

    A part with a `loss` sets `network`. The loss is added to that of the network in every step. A lazy part
    has a separate step every `interval` steps, on the loss times the interval (StyleGAN2, appendix B).

    Attributes:
      name: name of the part, a prefix of its saved variables.
      network: "generator" or "discriminator", or None for a part without a loss.
      interval: number of steps between lazy steps.
      is_lazy: whether the loss has separate steps.
      streams: random streams, from 3 to 7, that only this part uses; see `AdversarialTraining`.
      metric_names: names of the logged metrics.
      variable_names: names of the float32 scalars of the state, which start at 0.
      metrics, variables: dictionaries by these names, created by `build`.
    """

    name: str
    network: str | None = None
    interval: int = 1
    is_lazy: bool = False
    streams: tuple[int, ...] = ()
    metric_names: tuple[str, ...] = ()
    variable_names: tuple[str, ...] = ()

    def build(self) -> None:
        """Creates the metrics and variables, in the scope of the model's strategy."""
        self.metrics = {name: LazyMean(name) for name in self.metric_names}
        # Values that replicas assign are averaged.
        mean = tf.VariableAggregation.MEAN
        self.variables = {
            name: tf.Variable(0.0, trainable=False, aggregation=mean) for name in self.variable_names
        }

    def log(self, name: str, value: tf.Tensor) -> None:
        """Adds a value to the mean of that name, which is logged by `fit`."""
        self.metrics[name].update_state(value)

    def loss(self, model: keras.Model, reals: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        """Returns the mean loss over the real images `[N, H, W, C]` of a replica, or over generated ones."""
        raise NotImplementedError

    def prepare_reals(self, reals: tf.Tensor) -> tf.Tensor:
        """Returns real images changed before any other use."""
        return reals

    def augment(self, images: tf.Tensor, model: keras.Model, stream: int) -> tf.Tensor:
        """Returns real or generated images as the discriminator sees them; draws from `stream`."""
        return images

    def observe(self, real_logits: tf.Tensor) -> None:
        """Called in every step with the discriminator's logits of real images."""

    def after_step(self, step: tf.Tensor, images: tf.Tensor, count: tf.Tensor) -> None:
        """Called across replicas after `step` steps with `images` images, `count` of them in the last."""
