"""Scores of models. One file a metric; `METRICS` is the register of them."""

from collections.abc import Sequence

from ..data.batches import Data
from ..zoo import keras_backend as keras_backend
from ..zoo.features import feature_network
from .active_units import active_units
from .bits_per_dim import bits_per_dim
from .density_coverage import coverage, density
from .elbo import elbo, kl, reconstruction
from .feature_sets import FeatureSets, compare_images, compare_samples
from .frechet_distance import frechet_distance
from .importance_weighted import importance_weighted
from .inception_score import inception_score
from .kernel_distance import kernel_distance
from .latents import has_styles
from .linear_separability import linear_separability_w, linear_separability_z
from .log_prob import log_prob
from .perceptual_path_length import (
    perceptual_path_length_w,
    perceptual_path_length_w_end,
    perceptual_path_length_z,
    perceptual_path_length_z_end,
)
from .precision_recall import precision, recall
from .reconstruction_error import reconstruction_error

__all__ = [
    "METRICS",
    "FeatureSets",
    "compare_images",
    "compare_samples",
    "evaluate",
    "names_for",
]


def _by_name(*metrics):
    return {metric.__name__: metric for metric in metrics}


# Metrics of examples: what the model says of each.
OF_EXAMPLES = _by_name(
    active_units,
    bits_per_dim,
    elbo,
    importance_weighted,
    kl,
    log_prob,
    reconstruction,
    reconstruction_error,
)

# Metrics of `FeatureSets`: samples beside real images.
OF_FEATURES = _by_name(
    frechet_distance,
    kernel_distance,
    precision,
    recall,
    density,
    coverage,
    inception_score,
)

# Metrics of what the model makes of its normal latents, and of its styles.
OF_LATENTS = _by_name(perceptual_path_length_z, perceptual_path_length_z_end, linear_separability_z)
OF_STYLES = _by_name(perceptual_path_length_w, perceptual_path_length_w_end, linear_separability_w)

METRICS = {**OF_EXAMPLES, **OF_FEATURES, **OF_LATENTS, **OF_STYLES}

# The metrics that take a number of samples.
OF_SAMPLES = ("bits_per_dim", "importance_weighted")

# Those that need labelled images, whatever the model.
OF_LABELS = ("linear_separability_z", "linear_separability_w")


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
    network: str = "squeezenet1.1",
    temperature: float | None = None,
    truncation: float | None = None,
) -> list[dict]:
    """Scores `model` on a dataset, with the protocol beside each number.

    Args:
      model: a model of `latentzoo.zoo`.
      dataset: an unbatched dataset of images [H, W, C] (or vectors [D]), or (image, label) pairs;
        or the same as arrays.
      names: which metrics, of `names_for(model)`; None: the first of the model's own scores, and nothing
        for a model that has none, such as a GAN.
      dataset_name: name of the data, for the record.
      split: name of the split, for the record.
      num: score so many examples, a draw of `seed` over the whole dataset; None: all. Of sample quality, the
        number of samples, and of real images if there are so many; None: 10,000.
      batch_size: examples at a time.
      seed: of the draw of `num` examples, of the dequantisation noise, of a VAE's samples, of the samples
        that are compared.
      verbose: show a progress bar.
      num_samples: k of the importance-weighted bound of a VAE; None: what is usual for each metric.
      network: the feature network of sample quality, of `latentzoo.zoo.features.NETWORKS`; the names of the
        results bear its name.
      temperature, truncation: of the samples, where the model's `sample` has them; None: 1.

    Returns:
      One dict a metric: name, value, standard_error (over examples), unit, dataset, split,
      num_examples, protocol; as in a preset's metadata.json.

    Raises:
      ValueError: a metric that is unknown or not of such models, an empty dataset, `num`, `batch_size` or
        `num_samples` below 1, a temperature or truncation that no metric asked for can take.
    """
    known = names_for(model)
    names = _own_scores(model)[:1] if names is None else names
    for name in names:
        if name not in known:
            raise ValueError(f"names: got {name!r}, expected any of {sorted(known)}.")
    if num_samples is not None and num_samples < 1:
        raise ValueError(f"num_samples: got {num_samples}, expected at least 1.")
    for name, value in (("batch_size", batch_size), ("num", num)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: got {value}, expected at least 1.")
    sampling = {"temperature": temperature, "truncation": truncation}
    for name, value in sampling.items():
        if value is not None and not set(names) - set(OF_EXAMPLES):
            raise ValueError(f"{name}: got {value}, expected none: no metric of samples is asked for.")
    settings = {"num": num, "batch_size": batch_size, "seed": seed, "verbose": verbose}
    of_samples = {} if num_samples is None else {"num_samples": num_samples}
    data = {"dataset": dataset_name, "split": split}
    drawn = {option: value for option, value in sampling.items() if value is not None}
    compared = None
    entries = []
    for name in names:
        if name in OF_FEATURES:
            if compared is None:
                compared = compare_samples(
                    model, dataset, network=feature_network(network),
                    dataset_name=dataset_name, split=split, **settings, **sampling,
                )  # fmt: skip
            entry = OF_FEATURES[name](compared)
        elif name in OF_EXAMPLES:
            options = of_samples if name in OF_SAMPLES else {}
            entry = OF_EXAMPLES[name](model, dataset, **settings, **options)
        else:
            options = {"network": feature_network(network)} if name in OF_LABELS else {}
            entry = METRICS[name](model, dataset, **settings, **options, **sampling)
        entries.append({**entry, **data, **({} if name in OF_EXAMPLES else drawn)})
    return entries


def names_for(model) -> tuple[str, ...]:
    """The metrics that `model` can be scored by: its own scores, the usual one first; of its samples.

    Models name their own in `scores`; a flow is scored by bits_per_dim on images, by log_prob on vectors.
    """
    if len(model.event_shape) != 3 or not hasattr(model, "sample"):
        return _own_scores(model)
    of_styles = OF_STYLES if has_styles(model) else ()
    return (*_own_scores(model), *OF_FEATURES, *OF_LATENTS, *of_styles)


def _own_scores(model) -> tuple[str, ...]:
    if hasattr(model, "scores"):
        return tuple(model.scores)
    usual = ("bits_per_dim", "log_prob")
    return usual if len(model.event_shape) == 3 else usual[::-1]
