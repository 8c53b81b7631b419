"""What both networks of StyleGAN2 share: architectures and channels."""

import math

import keras

from .layers import EqualizedConv2D

# Figure 7 of the paper: "skip" adds up RGB images of all resolutions, or feeds them; "resnet" has a residual
# connection around each block; "orig" neither.
ARCHITECTURES = ("skip", "resnet", "orig")

# Of the two branches of a residual block, to keep the variance.
RESIDUAL_GAIN = math.sqrt(0.5)


def shortcut(channels_in, channels_out, draw, convolve, dtype) -> keras.layers.Layer:
    """The shortcut of a residual block."""
    options = {"convolve": convolve, "activate": False, "use_bias": False, "dtype": dtype, "name": "skip"}
    return EqualizedConv2D(channels_in, channels_out, 1, draw, **options)


def widths(resolution: int, channel_base: int, channel_max: int) -> dict[int, int]:
    """The channels of each resolution from 4 on.

    Raises:
      ValueError: channel_base is below the resolution.
    """
    if channel_base < resolution:
        raise ValueError(f"channel_base is {channel_base}, expected at least the resolution, {resolution}.")
    return {2**i: min(channel_base // 2**i, channel_max) for i in range(2, resolution.bit_length())}


def check_architecture(architecture: str) -> None:
    """Raises ValueError for another one than `ARCHITECTURES`."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}, expected one of {', '.join(ARCHITECTURES)}.")
