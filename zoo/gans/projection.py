"""Images back to latents: w found by gradient descent (StyleGAN2, section 5 and appendix D)."""

import dataclasses
import math
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from .. import seeds
from ..features import perceptual_distance
from ..progress import Progress

if TYPE_CHECKING:
    from .style_model import StyleModel

# Samples that mean and spread of w are taken from.
_SAMPLES = 10_000

# Appendix D: noise of w as a part of its spread, and the part of the steps after which it is gone.
_NOISE, _NOISE_ENDS = 0.05, 0.75

# Appendix D: parts of the steps in which the rate rises and falls.
_RISE, _FALL = 0.05, 0.25


@dataclasses.dataclass(frozen=True)
class Projection:
    """What a projection found.

    Attributes:
      w: `[1, num_ws, w_dim]`.
      noise: a map `[1, r, r, 1]` for each layer that has noise.
      image: theirs, float32 `[H, W, C]` in [0, 1].
      distance: perceptual distance of the image to the target, by SqueezeNet.
    """

    w: tf.Tensor
    noise: list[tf.Tensor]
    image: tf.Tensor
    distance: float


def project(
    model: "StyleModel",
    target: tf.Tensor,
    labels: tf.Tensor | None,
    steps: int,
    space: str,
    learning_rate: float,
    noise_weight: float,
    seed: int,
    verbose: bool,
) -> Projection:
    """See `StyleModel.project`, which checks the arguments; `target` is `[1, H, W, C]` in [0, 1]."""
    mean, spread = _mean_and_spread(model, labels, seed)
    w = tf.Variable(mean if space == "w" else tf.repeat(mean, model.num_ws, axis=1))
    shapes = model.generator.synthesis.noise_shapes
    row = seeds.row_seeds(seed, 1)
    noise = [tf.Variable(seeds.normal(seeds.fold(row, k), shape)) for k, shape in enumerate(shapes)]
    optimizer = keras.optimizers.Adam(0.0, epsilon=1e-8)
    optimizer.build([w, *noise])

    def images_of(styles):
        styles = tf.broadcast_to(styles, [1, model.num_ws, model.w_dim])
        return model._to_unit(model.generator.synthesis(styles, noise=[map_.read_value() for map_ in noise]))

    @tf.function(autograph=False)
    def step(number, progress):
        strength = _NOISE * spread * tf.maximum(0.0, 1 - progress / _NOISE_ENDS) ** 2
        shaken = strength * tf.random.stateless_normal(w.shape, tf.stack([seed, number]))
        with tf.GradientTape() as tape:
            distance = perceptual_distance(images_of(w + shaken), target)[0]
            loss = distance + noise_weight * tf.add_n([_correlation(map_) for map_ in noise])
        optimizer.apply_gradients(zip(tape.gradient(loss, [w, *noise]), [w, *noise], strict=True))
        for map_ in noise:
            centered = map_ - tf.reduce_mean(map_)
            map_.assign(centered * tf.math.rsqrt(tf.reduce_mean(centered**2) + 1e-12))
        return distance

    bar = Progress(steps, "steps", verbose)
    for number in range(steps):
        optimizer.learning_rate.assign(learning_rate * _rate(number / steps))
        distance = step(tf.constant(number), tf.constant(number / steps, tf.float32))
        bar.update(number + 1, f"distance {float(distance):.4g}")
    image = images_of(w)
    styles = tf.broadcast_to(w, [1, model.num_ws, model.w_dim])
    distance = float(perceptual_distance(image, target)[0])
    return Projection(tf.identity(styles), [tf.identity(map_) for map_ in noise], image[0], distance)


def _rate(progress):
    """The part of the learning rate at a part of the steps: up on a line, down on a cosine."""
    down = min(1.0, (1 - progress) / _FALL)
    return (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, progress / _RISE)


def _mean_and_spread(model, labels, seed):
    """The mean of w `[1, 1, w_dim]` and its standard deviation, a number."""
    latents = np.random.default_rng(seed).standard_normal([_SAMPLES, model.latent_dim], np.float32)
    labels = None if labels is None else tf.repeat(labels, _SAMPLES)
    w = model.generator.mapping(tf.constant(latents), labels)[:, :1]
    mean = tf.reduce_mean(w, axis=0, keepdims=True)
    return mean, tf.sqrt(tf.reduce_mean(tf.reduce_sum((w - mean) ** 2, axis=[1, 2])))


def _correlation(noise):
    """What keeps pictures out of the noise: its products with its neighbours, at all scales (appendix D)."""
    total = 0.0
    while True:
        for axis in (1, 2):
            total += tf.reduce_mean(noise * tf.roll(noise, 1, axis)) ** 2
        if noise.shape[1] <= 8:
            return total
        noise = tf.nn.avg_pool2d(noise, 2, 2, "VALID")
