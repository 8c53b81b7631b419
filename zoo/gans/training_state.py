"""What a training of a GAN knows beside its weights and optimisers."""

import keras
import tensorflow as tf

# The average of the generator remembers at most this part of the images seen so far (ADA's code: ramp-up).
_RAMP_UP = 0.05


class TrainingState:
    """What a training knows beside its weights and optimisers.

    Args:
      told: names of the averages that `fit` tells.
      variables: of the generator.
      ema_images: half-life of their average, in images; 0: none.

    Attributes:
      step, images: how many were taken and seen.
      averaged, averages: the variables, and the average of each.
      numbers: more of a model's own, by name.
    """

    def __init__(self, told: tuple[str, ...], variables: list, ema_images: float):
        self.told = {name: keras.metrics.Mean(name) for name in told}
        self.ema_images = ema_images
        self.averaged = variables if ema_images else []
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.images = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.averages = [tf.Variable(variable.value, trainable=False) for variable in self.averaged]
        self.numbers: dict[str, tf.Variable] = {}

    def add_number(self, name: str) -> None:
        """A float32 that starts at 0; what replicas assign to it is averaged."""
        mean = tf.VariableAggregation.MEAN
        self.numbers[name] = tf.Variable(0.0, trainable=False, aggregation=mean)

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self.named_variables().values())

    def named_variables(self) -> dict[str, tf.Variable]:
        """The variables by the names that they are saved under."""
        averages = {f"average_{k}": average for k, average in enumerate(self.averages)}
        return {"step": self.step, "images": self.images, **averages, **self.numbers}

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
