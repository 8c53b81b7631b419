"""What a training of a GAN knows beside its weights and optimizers."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from .training_part import TrainingPart

# The average of the generator remembers at most this part of the images seen so far (ADA's code: ramp-up).
_RAMP_UP = 0.05


class TrainingState:
    """What a training knows beside its weights and optimizers.

    Args:
      parts: of the training; they are built here.
      metric_names: of the averages that the steps of the game log.
      variables: of the generator.
      ema_images: half-life of their average, in images; 0: none.

    Attributes:
      step, images: how many were taken and seen.
      averaged, averages: the variables, and the average of each.
      metrics: by name.
    """

    def __init__(
        self,
        parts: Sequence[TrainingPart],
        metric_names: Sequence[str],
        variables: list,
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
        """Those of the steps, then those of the parts."""
        return [metric for owner in (self, *self.parts) for metric in owner.metrics.values()]

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self.named_variables().values())

    def named_variables(self) -> dict[str, tf.Variable]:
        """The variables by the names that they are saved under."""
        averages = {f"average_{k}": average for k, average in enumerate(self.averages)}
        of_parts = {
            f"{part.name}_{name}": variable
            for part in self.parts
            for name, variable in part.variables.items()
        }
        return {"step": self.step, "images": self.images, **averages, **of_parts}

    def count(self, images: tf.Tensor) -> None:
        """A step more, of so many images."""
        self.step.assign_add(1)
        self.images.assign_add(tf.cast(images, tf.int64))

    def average(self, variables: list, images: tf.Tensor) -> None:
        """Moves the averages towards the variables."""
        if not self.averages:
            return
        half_life = tf.minimum(self.ema_images, _RAMP_UP * tf.cast(self.images, tf.float32))
        keep = 0.5 ** (tf.cast(images, tf.float32) / half_life)
        for variable, average in zip(variables, self.averages, strict=True):
            average.assign(keep * average + (1 - keep) * variable.value)
