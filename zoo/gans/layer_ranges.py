"""Ranges of layers of a style-based generator, by the resolutions of their styles."""

from collections.abc import Sequence

# Resolutions of the styles, first and last (StyleGAN, section 3.1).
RANGES = {"all": (4, 1024), "coarse": (4, 8), "middle": (16, 32), "fine": (64, 1024)}


def first_and_last(name: str, layers: str | Sequence[int], resolution: int) -> tuple[int, int]:
    """Returns the first and the last resolution of a range of layers.

    Args:
      name: name of the argument, for errors.
      layers: a name in `RANGES`, or a pair (first, last).
      resolution: the highest resolution of the model.

    Raises:
      ValueError: layers is not a range, or contains none of the model's resolutions.

    >>> from latentzoo.zoo.gans.layer_ranges import first_and_last
    >>> first_and_last("crossover", "middle", 32), first_and_last("crossover", (8, 32), 32)
    ((16, 32), (8, 32))
    """
    if isinstance(layers, str) and layers in RANGES:
        first, last = RANGES[layers]
    elif isinstance(layers, tuple | list) and len(layers) == 2:
        first, last = layers
    else:
        raise ValueError(
            f"{name} is {layers!r}, expected {', '.join(RANGES)}, or a pair of resolutions (first, last)."
        )
    if first > resolution or last < 4 or first > last:
        raise ValueError(f"{name} is {layers!r}, expected resolutions of the model's 4 to {resolution}.")
    return first, last
