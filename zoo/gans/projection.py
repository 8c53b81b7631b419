"""Projection of images to latents: w by gradient descent (StyleGAN2, section 5 and appendix D)."""

import dataclasses
import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from .. import seeds
from ..features import perceptual_distance
from ..progress import Progress
from .style_generator import StyleGenerator

# Number of samples for the mean and spread of w.
_SAMPLES = 10_000

# Appendix D: noise added to w, as a fraction of its spread, and the fraction of the steps that have it.
_NOISE, _NOISE_ENDS = 0.05, 0.75

# Appendix D: fractions of the steps in which the learning rate rises and falls.
_RISE, _FALL = 0.05, 0.25


@dataclasses.dataclass(frozen=True)
class Projection:
    """The result of a projection.

    Attributes:
      w: `[1, num_ws, w_dim]`.
      noise: noise `[1, r, r, 1]` of each layer with noise.
      image: image of w and noise, float32 `[H, W, C]` in [0, 1].
      distance: perceptual distance between the image and the target, by SqueezeNet.
    """

    w: tf.Tensor
    noise: list[tf.Tensor]
    image: tf.Tensor
    distance: float


def project(
    generator: StyleGenerator,
    to_unit: Callable[[tf.Tensor], tf.Tensor],
    target: tf.Tensor,
    labels: tf.Tensor | None,
    steps: int,
    space: str,
    learning_rate: float,
    noise_weight: float,
    seed: int,
    verbose: bool,
) -> Projection:
    """Projects an image: see `StyleModel.project`, which checks the arguments.

    Args:
      generator: network of w to images in [-1, 1].
      to_unit: function of these images to images in [0, 1], of the size of `target`.
      target: `[1, H, W, C]` in [0, 1].
      labels: int `[1]` of a conditional generator.
      steps, space, learning_rate, noise_weight, seed, verbose: see `StyleModel.project`.
    """
    synthesis = generator.synthesis
    mean, spread = _mean_and_spread(generator, labels, seed)
    w = tf.Variable(mean if space == "w" else tf.repeat(mean, synthesis.num_ws, axis=1))
    row = seeds.row_seeds(seed, 1)
    noise = [
        tf.Variable(seeds.normal(seeds.fold(row, k), shape)) for k, shape in enumerate(synthesis.noise_shapes)
    ]
    optimizer = keras.optimizers.Adam(0.0, epsilon=1e-8)
    optimizer.build([w, *noise])

    def for_all_layers(styles):
        return tf.broadcast_to(styles, [1, synthesis.num_ws, generator.w_dim])

    def images_of(styles):
        maps = [map_.read_value() for map_ in noise]
        return to_unit(synthesis(for_all_layers(styles), noise=maps))

    @tf.function(autograph=False)
    def step(number, progress):
        strength = _NOISE * spread * tf.maximum(0.0, 1 - progress / _NOISE_ENDS) ** 2
        perturbation = strength * tf.random.stateless_normal(w.shape, tf.stack([seed, number]))
        with tf.GradientTape() as tape:
            distance = perceptual_distance(images_of(w + perturbation), target)[0]
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
    distance = float(perceptual_distance(image, target)[0])
    return Projection(for_all_layers(w), [tf.identity(map_) for map_ in noise], image[0], distance)


def _rate(progress):
    """The learning rate relative to its maximum: a linear rise and a cosine fall."""
    down = min(1.0, (1 - progress) / _FALL)
    return (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, progress / _RISE)


def _mean_and_spread(generator, labels, seed):
    """The mean of w `[1, 1, w_dim]`, and the root of the mean squared distance to it."""
    latents = np.random.default_rng(seed).standard_normal([_SAMPLES, generator.z_dim], np.float32)
    labels = None if labels is None else tf.repeat(labels, _SAMPLES)
    w = generator.mapping(tf.constant(latents), labels)[:, :1]
    mean = tf.reduce_mean(w, axis=0, keepdims=True)
    return mean, tf.sqrt(tf.reduce_mean(tf.reduce_sum((w - mean) ** 2, axis=[1, 2])))


def _correlation(noise):
    """The penalty on noise that resembles an image: its autocorrelation at all scales (appendix D)."""
    total = 0.0
    while True:
        for axis in (1, 2):
            total += tf.reduce_mean(noise * tf.roll(noise, 1, axis)) ** 2
        if noise.shape[1] <= 8:
            return total
        noise = tf.nn.avg_pool2d(noise, 2, 2, "VALID")
