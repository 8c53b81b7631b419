"""Samples of a model, batch by batch, as the metrics of sample quality see them."""

from collections.abc import Iterator

import numpy as np

from ..data.batches import Data, batches
from ..data.draws import drawn_numbers
from ..zoo import pictures
from .per_example import numbered_seeds


def check_sampling(model, sampling: dict) -> dict:
    """The options of sampling that are given, such as temperature or truncation.

    Raises:
      ValueError: the model has no such option.
    """
    given = {name: value for name, value in sampling.items() if value is not None}
    for name, value in given.items():
        if name not in model.sampling_options:
            raise ValueError(f"{name}: got {value}, expected none: a {type(model).__name__} has no {name}.")
    return given


def sample_batches(
    model, num_samples: int, batch_size: int, seed: int, labels: np.ndarray | None, sampling: dict
) -> Iterator[np.ndarray]:
    """Yields samples, float32 `[<= batch_size, H, W, C]` in [0, 1]; sample i is of (seed, i) alone.

    Args:
      labels: int `[num_samples]` of a class-conditional model, the conditions of another conditional one, or
        None.
      sampling: of the model's `sampling_options`.
    """
    for first in range(0, num_samples, batch_size):
        # Whole batches alone, of which the last one is cut: another size would be traced anew.
        rows = numbered_seeds(seed, first, batch_size)
        given = {}
        if labels is not None:
            places = np.arange(first, first + batch_size)
            given = model.condition.keywords(np.take(labels, places, axis=0, mode="wrap"))
        images = model.sample(batch_size, seed=rows, **given, **sampling)
        yield np.asarray(images)[: num_samples - first]


def as_bytes(model, samples: np.ndarray) -> np.ndarray:
    """Samples in [0, 1] as uint8.

    By the model's `pixel_rounding`: the nearest byte, or the bin of 256 in which the value lies.
    """
    if model.pixel_rounding == "nearest":
        return np.floor(samples * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
    return pictures.to_uint8(samples)


def labels_like(model, dataset: Data, num_samples: int, seed: int) -> np.ndarray | None:
    """Labels or conditions for `num_samples` samples, those of the data's examples; None if unconditional.

    Each example gives its own equally often; the rest is a draw, as `batches` draws.
    """
    if not model.condition:
        return None
    labels = np.concatenate(
        [np.asarray(labels) for _, labels in batches(model, dataset, 1024, num_samples, seed)]
    )
    times, rest = divmod(num_samples, len(labels))
    return np.concatenate([*[labels] * times, labels[drawn_numbers(len(labels), rest, seed)]])


def in_words(num_samples: int, seed: int, sampling: dict) -> str:
    """How samples were drawn, for the record."""
    options = "".join(f", {name} {value:g}" for name, value in sampling.items())
    return f"{num_samples} samples, seed {seed}{options}"
