"""Augmentation of the images that a discriminator sees, random and differentiable.

Source: Karras et al. 2020, "Training generative adversarial networks with limited data", appendix B. Both
real and generated images are augmented, each transformation with probability p. Below p of about 0.8 the
generator does not learn to generate augmented images. `ada` adapts p in training.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..deprecation import warn_of_old_name
from ..networks.part import Part
from .warp import warp

GROUPS = ("blit", "geometry", "color", "filter", "noise", "cutout")

# Standard deviations, or the largest absolute values of uniform draws.
SHIFT = 0.125  # fraction of the image size; whole pixels
SCALE = 0.2  # log2
STRETCH = 0.2  # log2
DRIFT = 0.125  # fraction of the image size
BRIGHTNESS = 0.2
CONTRAST = 0.5  # log2
SATURATION = 1.0  # log2
BAND_GAIN = 1.0  # log2
NOISE = 0.1
CUTOUT = 0.5  # fraction of the image size

# The lowpass filter of the 4-tap Daubechies wavelet, and the share of a photograph's power in each of its
# bands, from low to high frequencies (1/f spectrum).
_ROOT = math.sqrt(3)
DAUBECHIES4 = np.array([1 - _ROOT, 3 - _ROOT, 3 + _ROOT, 1 + _ROOT]) / (4 * math.sqrt(2))
BAND_POWERS = np.array([10, 1, 1, 1]) / 13


class Draws(NamedTuple):
    """The random numbers of one call of `augment` for N images; groups that are None are skipped.

    All are float32, with shape `[N]` by default. The transformations are applied in this order.
    """

    # blit
    flip: tf.Tensor | None = None  # 0 or 1: mirrored
    quarter_turns: tf.Tensor | None = None  # 0 to 3, clockwise
    shift: tf.Tensor | None = None  # [N, 2], x and y as fractions of the size, rounded to whole pixels
    # geometry
    scale: tf.Tensor | None = None  # > 1: larger
    rotation_before: tf.Tensor | None = None  # radians, before the stretch
    stretch: tf.Tensor | None = None  # > 1: wider, and lower by the same factor
    rotation_after: tf.Tensor | None = None
    drift: tf.Tensor | None = None  # [N, 2], like `shift`, not rounded
    # color
    brightness: tf.Tensor | None = None  # added
    contrast: tf.Tensor | None = None  # a factor
    luma_flip: tf.Tensor | None = None  # 0 or 1: brightness inverted, hues unchanged
    hue: tf.Tensor | None = None  # radians
    saturation: tf.Tensor | None = None  # a factor
    # filter
    band_gains: tf.Tensor | None = None  # [N, 4], factors, from low to high frequencies
    # noise
    noise: tf.Tensor | None = None  # [N, H, W, C], added
    # cutout
    cutout_size: tf.Tensor | None = None  # fraction of the image size
    cutout_center: tf.Tensor | None = None  # [N, 2], x and y, in [0, 1]


@keras.saving.register_keras_serializable(package="latentzoo")
class Augment(Part):
    """Augments images with probability `p`, a weight that is 0 at first: images are unchanged.

    Each transformation of the groups is applied to an image with probability p, independently:

        blit       mirroring; quarter turns; shift by whole pixels
        geometry   scale; rotation; stretch; shift
        color      brightness; contrast; luma flip; hue; saturation
        filter     gains of 4 frequency bands
        noise      Gaussian noise
        cutout     a gray rectangle

    Gray images have no hue and saturation. The alpha channel of RGBA images is only changed by blit, geometry
    and cutout.

    Args:
      groups: names of the groups above. The default is the paper's recommendation, "bgc".

    Raises:
      ValueError: unknown group; in a call, images that do not have 1, 3 or 4 channels.

    >>> import tensorflow as tf
    >>> from latentzoo.zoo.gans.augment import Augment
    >>> augment = Augment()
    >>> _ = augment.p.assign(0.5)
    >>> augment(tf.zeros([2, 16, 16, 3]), seed=(0, 1)).shape
    TensorShape([2, 16, 16, 3])
    """

    def __init__(self, groups: Sequence[str] = ("blit", "geometry", "color"), **kwargs):
        super().__init__(**kwargs)
        groups = [_group(name) for name in groups]
        unknown = [group for group in groups if group not in GROUPS]
        if unknown:
            raise ValueError(f"groups must be of {', '.join(GROUPS)}, got '{unknown[0]}'.")
        self.groups = tuple(groups)
        self.p = self.add_weight(
            shape=(), initializer="zeros", trainable=False, dtype="float32", aggregation="mean", name="p"
        )
        self.built = True

    def call(self, images: tf.Tensor, seed: tf.Tensor | tuple[int, int]) -> tf.Tensor:
        """Augments images.

        Args:
          images: floating `[N, H, W, C]` in [-1, 1], with static H, W and C.
          seed: a pair of integers. Equal seeds give equal results, which differ under XLA.

        Returns:
          images `[N, H, W, C]`, not clipped.
        """
        p = tf.convert_to_tensor(self.p)
        return tf.cond(
            p > 0, lambda: augment(images, draw(seed, tf.shape(images), p, self.groups)), lambda: images
        )

    def load_own_variables(self, store) -> None:
        """Loads the weights. Files of version 0.1 hold this layer under the name "augment"."""
        super().load_own_variables(store if store.keys() else store.get("augment"))


def _group(name):
    """The name of a group, given its name or its old name."""
    if name == "colour":
        warn_of_old_name("the group 'colour'", "'color'", stacklevel=4)
        return "color"
    return name


def augment(images: tf.Tensor, draws: Draws) -> tf.Tensor:
    """Returns augmented images `[N, H, W, C]`, a deterministic function of the images and `draws`.

    Raises:
      ValueError: images do not have 1, 3 or 4 channels.
    """
    channels = images.shape[-1]
    if channels not in (1, 3, 4):
        raise ValueError(f"images must have 1, 3 or 4 channels, got {channels}.")
    _, height, width, _ = images.shape
    inverse = _inverse_map(draws, width, height)
    if inverse is not None:
        images = warp(images, inverse)
    colors, alpha = images[..., :3], images[..., 3:]
    matrix = _color_matrix(draws, colors.shape[-1])
    if matrix is not None:
        colors = _recolor(colors, tf.cast(matrix, images.dtype))
    if draws.band_gains is not None:
        colors = _filter(colors, tf.cast(draws.band_gains, images.dtype))
    if draws.noise is not None:
        colors = colors + tf.cast(draws.noise[..., :3], images.dtype)
    images = tf.concat([colors, alpha], axis=-1)
    if draws.cutout_size is not None:
        images = images * tf.cast(_outside(draws, height, width), images.dtype)
    return images


def draw(seed: tf.Tensor | tuple[int, int], shape: tf.Tensor, p: tf.Tensor, groups: Sequence[str]) -> Draws:
    """Draws the random numbers for images of a shape `[N, H, W, C]`; a transformation has probability p."""
    n = shape[0]
    uniform_seed, normal_seed, noise_seed = tf.unstack(tf.random.split(seed, 3))
    # More numbers than all groups use.
    uniforms = iter(tf.unstack(tf.random.stateless_uniform([32, n], uniform_seed)))
    normals = iter(tf.unstack(tf.random.stateless_normal([16, n], normal_seed)))

    def chosen(values, otherwise, probability=p):
        is_chosen = next(uniforms) < probability
        return tf.where(is_chosen if values.shape.rank == 1 else is_chosen[:, tf.newaxis], values, otherwise)

    def normal(deviation):
        return chosen(deviation * next(normals), 0.0)

    def factor(deviation):
        return chosen(2 ** (deviation * next(normals)), 1.0)

    def integer(stop):
        return chosen(tf.floor(stop * next(uniforms)), 0.0)

    def angle(probability=p):
        return chosen(math.pi * (2 * next(uniforms) - 1), 0.0, probability)

    drawn = {}
    if "blit" in groups:
        drawn |= {"flip": integer(2), "quarter_turns": integer(4)}
        shift = SHIFT * (2 * tf.stack([next(uniforms), next(uniforms)], axis=1) - 1)
        drawn["shift"] = chosen(shift, 0.0)
    if "geometry" in groups:
        # With this probability of each rotation, p is the probability of at least one.
        p_rotation = 1 - tf.sqrt(tf.clip_by_value(1 - p, 0.0, 1.0))
        drawn |= {"scale": factor(SCALE), "rotation_before": angle(p_rotation), "stretch": factor(STRETCH)}
        drawn["rotation_after"] = angle(p_rotation)
        drawn["drift"] = chosen(DRIFT * tf.stack([next(normals), next(normals)], axis=1), 0.0)
    if "color" in groups:
        drawn |= {"brightness": normal(BRIGHTNESS), "contrast": factor(CONTRAST), "luma_flip": integer(2)}
        drawn |= {"hue": angle(), "saturation": factor(SATURATION)}
    if "filter" in groups:
        drawn["band_gains"] = tf.stack([factor(BAND_GAIN) for _ in BAND_POWERS], axis=1)
    if "noise" in groups:
        level = tf.abs(normal(NOISE))[:, tf.newaxis, tf.newaxis, tf.newaxis]
        drawn["noise"] = level * tf.random.stateless_normal(shape, noise_seed)
    if "cutout" in groups:
        drawn["cutout_size"] = chosen(tf.fill([n], CUTOUT), 0.0)
        drawn["cutout_center"] = tf.stack([next(uniforms), next(uniforms)], axis=1)
    return Draws(**drawn)


def _inverse_map(draws, width, height):
    """The map `[N, 3, 3]` from points of the result to points of the image: inverses, the first one first."""
    maps = []
    if draws.flip is not None:
        turn = (math.pi / 2) * draws.quarter_turns
        x, y = tf.round(draws.shift[:, 0] * width), tf.round(draws.shift[:, 1] * height)
        maps += [_scaling(1 - 2 * draws.flip, tf.ones_like(x)), _rotation(turn), _translation(-x, -y)]
    if draws.scale is not None:
        maps += [_scaling(1 / draws.scale, 1 / draws.scale), _rotation(draws.rotation_before)]
        maps += [_scaling(1 / draws.stretch, draws.stretch), _rotation(draws.rotation_after)]
        maps += [_translation(-draws.drift[:, 0] * width, -draws.drift[:, 1] * height)]
    return functools.reduce(tf.matmul, maps) if maps else None


def _scaling(x, y):
    zero, one = tf.zeros_like(x), tf.ones_like(x)
    return _matrix([[x, zero, zero], [zero, y, zero], [zero, zero, one]])


def _rotation(angle):
    cos, sin, zero, one = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle), tf.ones_like(angle)
    return _matrix([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])


def _translation(x, y):
    zero, one = tf.zeros_like(x), tf.ones_like(x)
    return _matrix([[one, zero, x], [zero, one, y], [zero, zero, one]])


def _matrix(rows):
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _color_matrix(draws, channels):
    """The affine maps `[N, 3, 4]` of colors (r, g, b, 1)."""
    if draws.brightness is None:
        return None
    gray = tf.fill([3, 3], 1 / 3)  # projects colors onto gray, (1, 1, 1) / sqrt(3)
    identity = tf.eye(3)

    def factors(values):
        return values[:, tf.newaxis, tf.newaxis]

    linear = factors(draws.contrast) * (identity - 2 * gray * factors(draws.luma_flip))
    constant = linear @ tf.tile(factors(draws.brightness), [1, 3, 1])
    if channels > 1:
        # Rodrigues' formula for a rotation about the gray axis; `cross` is its cross product matrix.
        cross = tf.constant([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], tf.float32) / math.sqrt(3)
        cos, sin = factors(tf.cos(draws.hue)), factors(tf.sin(draws.hue))
        rotation = cos * identity + sin * cross + (1 - cos) * gray
        saturation = gray + (identity - gray) * factors(draws.saturation)
        linear, constant = (saturation @ rotation @ part for part in (linear, constant))
    return tf.concat([linear, constant], axis=2)


def _recolor(colors, matrix):
    if colors.shape[-1] == 1:  # the mean over the channels of a gray RGB image
        mean = tf.reduce_mean(matrix, axis=1)[:, tf.newaxis, tf.newaxis]
        return colors * tf.reduce_sum(mean[..., :3], axis=3, keepdims=True) + mean[..., 3:]
    shape = tf.shape(colors)
    pixels = tf.reshape(colors, [shape[0], -1, 3])
    pixels = tf.matmul(pixels, matrix[:, :, :3], transpose_b=True) + matrix[:, tf.newaxis, :, 3]
    return tf.reshape(pixels, shape)


def _filter(images, band_gains):
    """Multiplies frequency bands by gains `[N, 4]`, normalized to keep the power of a photograph."""
    gains = tf.ones_like(band_gains)
    for band, power in enumerate(BAND_POWERS):
        gain = band_gains[:, band : band + 1]
        is_band = tf.constant(np.arange(len(BAND_POWERS)) == band)
        power_after = (1 - power) + power * gain**2
        gains = gains * tf.where(is_band, gain, tf.ones_like(gain)) / tf.sqrt(power_after)
    _, height, width, channels = images.shape
    rows, columns = (
        tf.einsum("nb,bij->nij", gains, tf.constant(_band_matrices(size), images.dtype))
        for size in (height, width)
    )
    images = rows @ tf.reshape(images, [-1, height, width * channels])
    return columns[:, tf.newaxis] @ tf.reshape(images, [-1, height, width, channels])


@functools.lru_cache
def _band_matrices(size):
    """The filters of the bands as matrices `[4, size, size]`; images are padded by reflection."""
    taps = _band_filters()
    reach = taps.shape[1] // 2
    matrices = np.zeros([len(taps), size, size])
    source = np.arange(-reach, size + reach) % (2 * size - 2)
    source = np.where(source < size, source, 2 * size - 2 - source)
    for i in range(size):
        for tap in range(taps.shape[1]):
            matrices[:, i, source[i + tap]] += taps[:, tap]
    return matrices


def _band_filters():
    """Symmetric filters `[4, taps]` of four octaves, whose sum is the identity."""
    low = np.convolve(DAUBECHIES4, DAUBECHIES4[::-1]) / 2
    high = low * (-1) ** np.arange(1, len(low) + 1)
    filters = np.ones([1, 1])
    for _ in range(len(BAND_POWERS) - 1):
        # The bands so far, one octave lower, and the remaining high frequencies as a new band.
        stretched = np.zeros([len(filters), 2 * filters.shape[1] - 1])
        stretched[:, ::2] = filters
        lower = np.array([np.convolve(taps, low) for taps in stretched])
        margin = (lower.shape[1] - len(high)) // 2
        filters = np.concatenate([lower, np.pad(high, margin)[np.newaxis]])
    return filters


def _outside(draws, height, width):
    """Whether each pixel is outside of the cutout rectangle, `[N, H, W, 1]`."""
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    half = draws.cutout_size[:, tf.newaxis] / 2
    outside_x = tf.abs(x - draws.cutout_center[:, :1]) >= half
    outside_y = tf.abs(y - draws.cutout_center[:, 1:]) >= half
    return (outside_x[:, tf.newaxis, :] | outside_y[:, :, tf.newaxis])[..., tf.newaxis]
