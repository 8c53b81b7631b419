"""Scores of models. One file a metric; `METRICS` is the register of them."""

from collections.abc import Sequence

from .active_units import active_units
from .batches import Data
from .bits_per_dim import bits_per_dim
from .elbo import elbo, kl, reconstruction
from .importance_weighted import importance_weighted
from .log_prob import log_prob
from .reconstruction_error import reconstruction_error

METRICS = {
    metric.__name__: metric
    for metric in (
        active_units,
        bits_per_dim,
        elbo,
        importance_weighted,
        kl,
        log_prob,
        reconstruction,
        reconstruction_error,
    )
}

# The metrics that take a number of samples.
OF_SAMPLES = ("bits_per_dim", "importance_weighted")


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
    num_samples: int | None = None,
) -> list[dict]:
    """Scores `model` on a dataset, with the protocol beside each number.

    Args:
      model: a model of `latentzoo.zoo`.
      dataset: an unbatched dataset of images [H, W, C] (or vectors [D]), or (image, label) pairs;
        or the same as arrays.
      names: which metrics, of `names_for(model)`; None: the first of them.
      dataset_name: name of the data, for the record.
      split: name of the split, for the record.
      num: score the first `num` examples; None: all.
      batch_size: examples at a time.
      seed: of the dequantisation noise, or of a VAE's samples.
      verbose: show a progress bar.
      num_samples: k of the importance-weighted bound of a VAE; None: what is usual for each metric.

    Returns:
      One dict a metric: name, value, standard_error (over examples), unit, dataset, split,
      num_examples, protocol; as in a preset's metadata.json.

    Raises:
      ValueError: a metric that is unknown or not of such models, an empty dataset, `num`, `batch_size` or
        `num_samples` below 1.
    """
    known = names_for(model)
    names = known[:1] if names is None else names
    for name in names:
        if name not in known:
            raise ValueError(f"names: got {name!r}, expected any of {sorted(known)}.")
    if num_samples is not None and num_samples < 1:
        raise ValueError(f"num_samples: got {num_samples}, expected at least 1.")
    settings = {"num": num, "batch_size": batch_size, "seed": seed, "verbose": verbose}
    of_samples = {} if num_samples is None else {"num_samples": num_samples}
    return [
        {
            **METRICS[name](model, dataset, **settings, **(of_samples if name in OF_SAMPLES else {})),
            "dataset": dataset_name,
            "split": split,
        }
        for name in names
    ]


def names_for(model) -> tuple[str, ...]:
    """The metrics that `model` can be scored by, the usual one first.

    Models name them in `scores`; a flow is scored by bits_per_dim on images, by log_prob on vectors.
    """
    if hasattr(model, "scores"):
        return tuple(model.scores)
    usual = ("bits_per_dim", "log_prob")
    return usual if len(model.event_shape) == 3 else usual[::-1]
