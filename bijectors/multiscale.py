"""The multi-scale architecture (RealNVP, Dinh et al. 2016, section 3.6; Glow 2018, figure 2b)."""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_probability as tfp

from .base import check_rank, forward_and_log_det, forward_value, inverse_and_log_det, inverse_value
from .declarations import ComposedBijector

tfb = tfp.bijectors

# Maps the part that is kept, `[..., H, W, C]`, to mean and log standard deviation of the part factored out.
Prior = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class MultiScale(ComposedBijector):
    r"""Maps an image to one flat latent vector, factoring out half of the channels at each level.

        level i:   h = level_i(x_i);  (x_i+1, v_i) = halves of h;  z_i = (v_i - mean) / exp(log_std)
        last:      v_L = level_L(x_L);                             z_L = (v_L - mean) / exp(log_std)
        forward          (z_1, ..., z_L), each flattened, concatenated
        log|det|         sum of the levels' own, minus sum(log_std)

    The learned prior of a split, `v_i ~ N(mean(x_i+1), exp(log_std(x_i+1))^2)`, enters as the affine map
    that maps it to a standard normal. So one standard normal vector represents the whole image, and
    temperature and interpolation act only on this vector. Image `[..., H, W, C]`, latents `[..., H*W*C]`.

    Args:
      levels: bijectors from image to image, the first one nearest to the data (a `Squeeze` and steps).
      priors: one callable for each level. For all but the last: the kept half -> (mean, log_std) of the
        half factored out. For the last: the level's output itself, of which only the batch shape may be
        used -> (mean, log_std), the top prior.
      event_shape: (H, W, C) of the images.

    Raises:
      ValueError: if the numbers of levels and priors differ, if the channels of a level that is split
        are odd, or if an input is not an image of `event_shape`, or not a vector of H*W*C numbers.

    Example: two levels of bare squeezes under standard normal priors reorder the pixels.

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import MultiScale, Squeeze
    >>> standard = lambda h: (tf.zeros_like(h), tf.zeros_like(h))
    >>> flow = MultiScale([Squeeze(), Squeeze()], [standard, standard], event_shape=(4, 4, 1))
    >>> z = flow.forward(tf.reshape(tf.range(16.0), [4, 4, 1]))
    >>> [tuple(part.shape) for part in flow.split_latents(z)]
    [(2, 2, 2), (1, 1, 8)]
    """

    def __init__(
        self,
        levels: Sequence[tfb.Bijector],
        priors: Sequence[Prior],
        event_shape: tuple[int, int, int],
        validate_args: bool = False,
        name: str = "multi_scale",
    ):
        parameters = dict(locals())
        if len(levels) != len(priors) or not levels:
            raise ValueError(
                f"{name}: got {len(levels)} levels and {len(priors)} priors, "
                "expected one prior for each of at least one level."
            )
        part_shapes = _part_shapes(name, levels, event_shape)
        with tf.name_scope(name) as name:
            self._levels = list(levels)
            self._priors = list(priors)
            self._image_shape = tuple(event_shape)
            self._part_shapes = part_shapes
            super().__init__(
                forward_min_event_ndims=3,
                inverse_min_event_ndims=1,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @property
    def part_shapes(self) -> list[tuple[int, int, int]]:
        """(H, W, C) of each level's part of the latent vector."""
        return list(self._part_shapes)

    def split_latents(self, latents: tf.Tensor) -> list[tf.Tensor]:
        """Splits latent vectors `[..., H*W*C]` into parts `[..., H_i, W_i, C_i]`, one per level."""
        self._check_latents(latents)
        batch = tf.shape(latents)[:-1]
        parts = tf.split(latents, [math.prod(shape) for shape in self._part_shapes], axis=-1)
        return [
            tf.reshape(part, tf.concat([batch, shape], 0))
            for part, shape in zip(parts, self._part_shapes, strict=True)
        ]

    def join_latents(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """Joins parts `[..., H_i, W_i, C_i]` to latent vectors `[..., H*W*C]`: inverse of `split_latents`."""
        flat = [
            tf.reshape(part, tf.concat([tf.shape(part)[:-3], [math.prod(shape)]], 0))
            for part, shape in zip(parts, self._part_shapes, strict=True)
        ]
        return tf.concat(flat, axis=-1)

    def level_log_dets(self, x: tf.Tensor) -> list[tf.Tensor]:
        """Returns each level's part of the forward log-determinant at `[..., H, W, C]`, each `[...]`."""
        return [log_det for _, log_det in self._forward_levels(x)]

    def _forward_event_shape(self, input_shape):
        return tf.TensorShape([*input_shape[:-3], math.prod(self._image_shape)])

    def _inverse_event_shape(self, output_shape):
        return tf.TensorShape([*output_shape[:-1], *self._image_shape])

    def _forward_event_shape_tensor(self, input_shape):
        return tf.constant([math.prod(self._image_shape)])

    def _inverse_event_shape_tensor(self, output_shape):
        return tf.constant(self._image_shape)

    def _parts(self):
        return self._levels

    def _forward_and_log_det(self, x):
        parts, log_dets = zip(*self._forward_levels(x), strict=True)
        return self.join_latents(parts), sum(log_dets)

    def _forward_value(self, x):
        return self.join_latents([part for part, _ in self._forward_levels(x, forward_value)])

    def _inverse_and_log_det(self, y):
        return self._inverse_levels(y, inverse_and_log_det)

    def _inverse_value(self, y):
        return self._inverse_levels(y, inverse_value)[0]

    def _forward_levels(self, x, forward=forward_and_log_det):
        """Returns each level's part of the latents `[..., H_i, W_i, C_i]` and its log-determinant."""
        self._check_image(x)
        levels = []
        for level, prior in zip(self._levels[:-1], self._priors[:-1], strict=True):
            h, level_log_det = forward(level, x, event_ndims=3)
            x, part = tf.split(h, 2, axis=-1)
            z, prior_log_det = _standardize(part, *prior(x))
            levels.append((z, level_log_det + prior_log_det))
        h, level_log_det = forward(self._levels[-1], x, event_ndims=3)
        z, prior_log_det = _standardize(h, *self._priors[-1](h))
        return [*levels, (z, level_log_det + prior_log_det)]

    def _inverse_levels(self, y, inverse):
        *parts, top = self.split_latents(y)
        h, log_det = _unstandardize(top, *self._priors[-1](top))
        x, level_log_det = inverse(self._levels[-1], h, event_ndims=3)
        log_det += level_log_det
        for level, prior, z in zip(self._levels[-2::-1], self._priors[-2::-1], parts[::-1], strict=True):
            part, prior_log_det = _unstandardize(z, *prior(x))
            x, level_log_det = inverse(level, tf.concat([x, part], -1), event_ndims=3)
            log_det += prior_log_det + level_log_det
        return x, log_det

    def _check_image(self, x):
        check_rank(self, x, 3)
        if not x.shape[-3:].is_compatible_with(self._image_shape):
            raise ValueError(
                f"{self.name}: the input has shape {tuple(x.shape)}, "
                f"expected images [..., {', '.join(map(str, self._image_shape))}]."
            )

    def _check_latents(self, latents):
        check_rank(self, latents, 1)
        size = math.prod(self._image_shape)
        if latents.shape[-1] not in (size, None):
            raise ValueError(
                f"{self.name}: the latents have shape {tuple(latents.shape)}, expected vectors [..., {size}]."
            )


def _part_shapes(name, levels, event_shape):
    shapes, shape = [], tf.TensorShape(event_shape)
    for i, level in enumerate(levels):
        height, width, channels = level.forward_event_shape(shape)
        if i == len(levels) - 1:
            shapes.append((height, width, channels))
        elif channels % 2:
            raise ValueError(
                f"{name}: level {i} gives {channels} channels, expected an even number to split."
            )
        else:
            shapes.append((height, width, channels // 2))
            shape = tf.TensorShape([height, width, channels // 2])
    return shapes


def _standardize(value, mean, log_std):
    z = (value - mean) * tf.exp(-log_std)
    return z, -tf.reduce_sum(tf.broadcast_to(log_std, tf.shape(z)), axis=[-3, -2, -1])


def _unstandardize(z, mean, log_std):
    value = z * tf.exp(log_std) + mean
    return value, tf.reduce_sum(tf.broadcast_to(log_std, tf.shape(z)), axis=[-3, -2, -1])
