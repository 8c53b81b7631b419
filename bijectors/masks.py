"""Masks of coupling layers: which part of the input is transformed, and which is the network's input.

A mask has three methods. `split(x)` returns `(active, passive)`: the part that is transformed and the part
that conditions it. `join(active, passive)` is its inverse. `select(h)` selects the part of a network's output
that belongs to the active part. The first two masks split the channels, so the network operates on half of
them; `Checkerboard` splits the pixels, and both parts keep the full shape, with zeros at the other pixels.
"""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class ChannelHalves:
    """Glow's split: transforms one half of the channels given the other.

    With an odd number of channels the first half is the smaller one.

    Args:
      active: "first" or "second", the half that is transformed.
    """

    active: str = "second"

    def __post_init__(self):
        if self.active not in ("first", "second"):
            raise ValueError(f"ChannelHalves: active is {self.active!r}, expected 'first' or 'second'.")

    def active_channels(self, channels: int) -> int:
        return channels // 2 if self.active == "first" else channels - channels // 2

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # tf.split has a far cheaper gradient than slices.
        half = x.shape[-1] // 2
        first, second = tf.split(x, [half, x.shape[-1] - half], axis=-1)
        return (first, second) if self.active == "first" else (second, first)

    def join(self, active: tf.Tensor, passive: tf.Tensor) -> tf.Tensor:
        return tf.concat([active, passive] if self.active == "first" else [passive, active], -1)

    def select(self, h: tf.Tensor) -> tf.Tensor:
        return h


@dataclass(frozen=True)
class AlternatingChannels:
    """Transforms every second channel given the others, as in OpenAI's Glow.

    Args:
      active: 0 or 1, the parity of the channels that are transformed.
    """

    active: int = 1

    def __post_init__(self):
        _check_parity(self)

    def active_channels(self, channels: int) -> int:
        return (channels + 1 - self.active) // 2

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return x[..., self.active :: 2], x[..., 1 - self.active :: 2]

    def join(self, active: tf.Tensor, passive: tf.Tensor) -> tf.Tensor:
        channels = active.shape[-1] + passive.shape[-1]
        even, odd = (active, passive) if self.active == 0 else (passive, active)
        order = [i // 2 if i % 2 == 0 else even.shape[-1] + i // 2 for i in range(channels)]
        return tf.gather(tf.concat([even, odd], -1), order, axis=-1)

    def select(self, h: tf.Tensor) -> tf.Tensor:
        return h


@dataclass(frozen=True)
class Checkerboard:
    """Transforms the pixels of one color of a checkerboard given the others (RealNVP, figure 3).

    The input of the network is the image with zeros at the active pixels; it returns all channels.

    Args:
      active: 0 or 1, the parity of row + column of the pixels that are transformed.
    """

    active: int = 1

    def __post_init__(self):
        _check_parity(self)

    def active_channels(self, channels: int) -> int:
        return channels

    def _board(self, x: tf.Tensor) -> tf.Tensor:
        rows, columns = tf.shape(x)[-3], tf.shape(x)[-2]
        parity = (tf.range(rows)[:, None] + tf.range(columns)[None, :]) % 2
        return tf.cast(parity == self.active, x.dtype)[..., None]

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        active = x * self._board(x)
        return active, x - active

    def join(self, active: tf.Tensor, passive: tf.Tensor) -> tf.Tensor:
        return active + passive

    def select(self, h: tf.Tensor) -> tf.Tensor:
        return h * self._board(h)


def _check_parity(mask):
    if mask.active not in (0, 1):
        raise ValueError(f"{type(mask).__name__}: active is {mask.active!r}, expected 0 or 1.")


Mask = ChannelHalves | AlternatingChannels | Checkerboard
