"""Scores of models. One file a metric; `METRICS` is the register of them."""

from collections.abc import Sequence

from .batches import Data
from .bits_per_dim import bits_per_dim
from .log_prob import log_prob

METRICS = {"bits_per_dim": bits_per_dim, "log_prob": log_prob}


def evaluate(
    model,
    dataset: Data,
    *,
    names: Sequence[str] | None = None,
    dataset_name: str = "",
    split: str = "test",
    num: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
) -> list[dict]:
    """Scores `model` on a dataset, with the protocol beside each number.

    Args:
      model: a model of `latentzoo.zoo`.
      dataset: an unbatched dataset of images [H, W, C] (or vectors [D]), or (image, label) pairs;
        or the same as arrays.
      names: which metrics; None: bits_per_dim for images, log_prob for vectors.
      dataset_name: name of the data, for the record.
      split: name of the split, for the record.
      num: score the first `num` examples; None: all.
      batch_size: examples at a time.
      seed: of the dequantisation noise.
      verbose: show a progress bar.

    Returns:
      One dict a metric: name, value, standard_error (over examples), unit, dataset, split,
      num_examples, protocol; as in a preset's metadata.json.

    Raises:
      ValueError: an unknown metric, an empty dataset, `num` or `batch_size` below 1.
    """
    if names is None:
        names = ["bits_per_dim" if len(model.event_shape) == 3 else "log_prob"]
    for name in names:
        if name not in METRICS:
            raise ValueError(f"names: got {name!r}, expected any of {sorted(METRICS)}.")
    return [
        {
            **METRICS[name](model, dataset, num=num, batch_size=batch_size, seed=seed, verbose=verbose),
            "dataset": dataset_name,
            "split": split,
        }
        for name in names
    ]
