"""Batches of samples for the metrics of sample quality."""

from collections.abc import Iterator, Mapping

import numpy as np

from ..data.batches import Data, batches
from ..data.draws import drawn_numbers
from ..zoo import pictures
from ..zoo.model import ZooModel
from .per_example import numbered_seeds


def check_sampling(model: ZooModel, sampling: Mapping[str, float | None]) -> dict[str, float]:
    """Returns the sampling options that are not None, such as temperature or truncation.

    Raises:
      ValueError: the model has no such option.
    """
    given = {name: value for name, value in sampling.items() if value is not None}
    for name, value in given.items():
        if name not in (model.sampling_options or ()):
            raise ValueError(f"{name}: got {value}, expected none: a {type(model).__name__} has no {name}.")
    return given


def sample_batches(
    model: ZooModel,
    num_samples: int,
    batch_size: int,
    seed: int,
    labels: np.ndarray | None,
    sampling: Mapping[str, float],
) -> Iterator[np.ndarray]:
    """Yields samples, float32 `[<= batch_size, H, W, C]` in [0, 1]; sample i depends only on (seed, i).

    Args:
      labels: labels or other conditions `[num_samples, ...]` of a conditional model, else None.
      sampling: options from the model's `sampling_options`.
    """
    for first in range(0, num_samples, batch_size):
        # The last batch is full too, and then cut: a batch of another size would be traced again.
        rows = numbered_seeds(seed, first, batch_size)
        given = model.condition.keywords(batch_of_labels(labels, first, batch_size))
        images = model.sample(batch_size, seed=rows, **given, **sampling)
        yield np.asarray(images)[: num_samples - first]


def as_bytes(model: ZooModel, samples: np.ndarray) -> np.ndarray:
    """Returns samples in [0, 1] as uint8.

    The model's `pixel_rounding` selects the nearest byte, or the one of 256 bins that contains the value.
    """
    if model.pixel_rounding == "nearest":
        return np.floor(samples * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
    return pictures.to_uint8(samples)


def labels_like(model: ZooModel, dataset: Data, num_samples: int, seed: int) -> np.ndarray | None:
    """Returns labels or conditions of the dataset for `num_samples` samples; None for an unconditional model.

    Every example gives its own equally often; the rest is drawn with `seed`.
    """
    if not model.condition:
        return None
    labels = np.concatenate(
        [np.asarray(labels) for _, labels in batches(model, dataset, 1024, num_samples, seed)]
    )
    times, rest = divmod(num_samples, len(labels))
    return np.concatenate([*[labels] * times, labels[drawn_numbers(len(labels), rest, seed)]])


def batch_of_labels(labels: np.ndarray | None, first: int, batch_size: int) -> np.ndarray | None:
    """Returns `batch_size` labels from index `first`, continuing at the start after the last one."""
    return None if labels is None else np.take(labels, range(first, first + batch_size), axis=0, mode="wrap")


def describe_samples(num_samples: int, seed: int, sampling: Mapping[str, float]) -> str:
    """Describes how samples are drawn, for the protocol."""
    return f"{num_samples} samples, seed {seed}{describe_options(sampling)}"


def describe_options(sampling: Mapping[str, float]) -> str:
    """Describes the sampling options, each after a comma, for the protocol."""
    return "".join(f", {name} {value:g}" for name, value in sampling.items())
