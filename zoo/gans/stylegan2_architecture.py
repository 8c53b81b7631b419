"""Architectures and channels of both networks of StyleGAN2."""

import math
from collections.abc import Callable

import keras

from .layers import EqualizedConv2D

# Figure 7 of the paper: "skip" adds RGB outputs (or inputs) at all resolutions; "resnet" has a residual
# connection around each block; "orig" has neither.
ARCHITECTURES = ("skip", "resnet", "orig")

# Gain of both branches of a residual block, which preserves the variance.
RESIDUAL_GAIN = math.sqrt(0.5)


def shortcut(
    channels_in: int,
    channels_out: int,
    draw: keras.random.SeedGenerator | None,
    convolve: Callable,
    dtype: keras.DTypePolicy,
) -> keras.layers.Layer:
    """Returns the shortcut of a residual block, a 1x1 convolution."""
    options = {"convolve": convolve, "activate": False, "use_bias": False, "dtype": dtype, "name": "skip"}
    return EqualizedConv2D(channels_in, channels_out, 1, draw, **options)


def widths(resolution: int, channel_base: int, channel_max: int) -> dict[int, int]:
    """Returns the number of channels of each resolution from 4 on.

    Raises:
      ValueError: channel_base is below the resolution.
    """
    if channel_base < resolution:
        raise ValueError(f"channel_base is {channel_base}, expected at least the resolution, {resolution}.")
    return {2**i: min(channel_base // 2**i, channel_max) for i in range(2, resolution.bit_length())}


def check_architecture(architecture: str) -> None:
    """Raises ValueError for an architecture that is not in `ARCHITECTURES`."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}, expected one of {', '.join(ARCHITECTURES)}.")
