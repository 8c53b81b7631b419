"""The state of a GAN's training, except weights and optimizers."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from .training_part import TrainingPart

# The half-life of the generator's average is at most this fraction of the images seen (ADA's code: ramp-up).
_RAMP_UP = 0.05


class TrainingState:
    """Counts, averages of the generator's weights, metrics and training parts.

    Args:
      parts: the training parts; the constructor builds them.
      metric_names: names of the means that the training steps log.
      variables: the generator's weights.
      ema_images: half-life of their average, in images; 0 disables the average.

    Attributes:
      step, images: number of steps taken and of images seen.
      averaged, averages: the weights, and the average of each.
      metrics: dictionary by name.
    """

    def __init__(
        self,
        parts: Sequence[TrainingPart],
        metric_names: Sequence[str],
        variables: list[keras.Variable],
        ema_images: float,
    ):
        self.parts = parts
        self.metrics = {name: keras.metrics.Mean(name) for name in metric_names}
        self.ema_images = ema_images
        self.averaged = variables if ema_images else []
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.images = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.averages = [tf.Variable(variable.value, trainable=False) for variable in self.averaged]
        for part in parts:
            part.build()

    @property
    def all_metrics(self) -> list[keras.metrics.Metric]:
        """The metrics of the steps, then those of the parts."""
        return [metric for owner in (self, *self.parts) for metric in owner.metrics.values()]

    @property
    def variables(self) -> list[tf.Variable]:
        """The variables of the state."""
        return list(self.named_variables().values())

    def named_variables(self) -> dict[str, tf.Variable]:
        """Returns the variables by their names in saved files."""
        averages = {f"average_{k}": average for k, average in enumerate(self.averages)}
        of_parts = {
            f"{part.name}_{name}": variable
            for part in self.parts
            for name, variable in part.variables.items()
        }
        return {"step": self.step, "images": self.images, **averages, **of_parts}

    def count(self, images: tf.Tensor) -> None:
        """Counts a step and its images."""
        self.step.assign_add(1)
        self.images.assign_add(tf.cast(images, tf.int64))

    def average(self, variables: list[keras.Variable], images: tf.Tensor) -> None:
        """Moves the averages toward the variables after a step of `images` images."""
        if not self.averages:
            return
        half_life = tf.minimum(self.ema_images, _RAMP_UP * tf.cast(self.images, tf.float32))
        keep = 0.5 ** (tf.cast(images, tf.float32) / half_life)
        for variable, average in zip(variables, self.averages, strict=True):
            average.assign(keep * average + (1 - keep) * variable.value)
