"""Path length regularization (StyleGAN2, section 3.2): equal steps in W change images equally."""

import tensorflow as tf

from .style_training import StyleTraining
from .training_part import TrainingPart

# The batch of a path length step is smaller by this factor.
_BATCH_SHRINK = 2

# Weight of the newest lengths in the moving average.
_DECAY = 0.01


class PathLength(TrainingPart):
    """Adds weight * E (|J_w^T y| - mean)^2 for normal images y (eq. 4); logs the lengths as `path_length`.

    The mean is a moving average of the lengths. The part is always lazy; its steps use new latents, half as
    many as there are real images.

    Args:
      weight: weight of the penalty.
      interval: number of steps between path length steps.
    """

    name = "path_length"
    network = "generator"
    is_lazy = True
    streams = (4, 5)  # for latents and noise, for y
    metric_names = ("path_length",)
    variable_names = ("mean",)

    def __init__(self, weight: float, interval: int):
        self.weight, self.interval = weight, interval

    def loss(self, model: StyleTraining, reals: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        count = tf.maximum(tf.shape(reals)[0] // _BATCH_SHRINK, 1)
        lengths = self.lengths(model, count, None if labels is None else labels[:count])
        mean = self.variables["mean"]
        moved = mean + _DECAY * (tf.reduce_mean(tf.stop_gradient(lengths)) - mean)
        penalty = tf.reduce_mean((lengths - moved) ** 2)
        mean.assign(moved)
        self.log("path_length", tf.reduce_mean(lengths))
        return self.weight * penalty

    def lengths(self, model: StyleTraining, count: tf.Tensor | int, labels: tf.Tensor | None) -> tf.Tensor:
        """Returns |J_w^T y| of new images, `[count]`; y is normal, divided by sqrt(H W)."""
        of_latents, of_images = self.streams
        w, noise = model._training_styles(count, labels, of_latents)
        with tf.GradientTape() as tape:
            tape.watch(w)
            images = model.generator.synthesis(w, noise=noise)
            y = model._training_normal(tf.shape(images), of_images) / model.resolution
            product = tf.reduce_sum(images * y)
        slopes = tape.gradient(product, w)
        return tf.sqrt(tf.reduce_mean(tf.reduce_sum(slopes**2, axis=2), axis=1))
