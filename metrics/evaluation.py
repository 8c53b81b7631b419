"""`evaluate`: scores a model on a dataset."""

from collections.abc import Sequence
from typing import Any

from ..data.batches import Data
from ..zoo import keras_backend as keras_backend
from ..zoo.deprecation import old_arguments
from ..zoo.features import feature_network
from ..zoo.model import ZooModel
from .feature_sets import compare_samples
from .metric import Metric
from .register import METRICS, names_for, own_scores


@old_arguments(num="num_examples", num_samples="importance_samples")
def evaluate(
    model: ZooModel,
    dataset: Data,
    *,
    names: Sequence[str] | None = None,
    dataset_name: str = "",
    split: str = "test",
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    importance_samples: int | None = None,
    network: str = "squeezenet1.1",
    temperature: float | None = None,
    truncation: float | None = None,
) -> list[dict[str, Any]]:
    """Scores `model` on a dataset and records the protocol of each score.

    Args:
      model: a model of `latentzoo.zoo`.
      dataset: an unbatched dataset of images [H, W, C] (or vectors [D]) or of (image, label) pairs, or
        the same as arrays.
      names: metrics, from `names_for(model)`; None: the first of the model's own scores, or no metric
        for a model without scores, such as a GAN.
      dataset_name: name of the dataset, to be recorded.
      split: name of the split, to be recorded.
      num_examples: number of examples to score, drawn from the whole dataset with `seed`; None: all. For
        sample quality, the number of samples and the maximum number of real images; None: 10,000.
      batch_size: number of examples per batch.
      seed: seed of the draw of `num_examples`, of the dequantization noise, of a VAE's posterior samples, and
        of the samples whose quality is scored.
      verbose: whether to show a progress bar.
      importance_samples: k of a VAE's importance-weighted bound; None: the default of each metric.
      network: feature network for sample quality, from `latentzoo.zoo.features.NETWORKS`; it becomes part
        of the names of the results.
      temperature, truncation: options of the samples, if the model has them (`sampling_options`); None: 1.

    Returns:
      One dict per metric, as in a preset's metadata.json: name, value, standard_error (over examples), unit,
      dataset, split, num_examples, protocol.

    Raises:
      ValueError: a metric is unknown or does not fit the model; the dataset is empty; `num_examples`,
        `batch_size` or `importance_samples` is below 1; or `temperature` or `truncation` is given, but no
        metric uses it.
    """
    metrics = _metrics_of(model, names)
    settings: dict[str, Any] = {
        "num_examples": num_examples,
        "batch_size": batch_size,
        "seed": seed,
        "verbose": verbose,
    }
    for name, value in (
        ("importance_samples", importance_samples), ("batch_size", batch_size), ("num_examples", num_examples)
    ):  # fmt: skip
        if value is not None and value < 1:
            raise ValueError(f"{name}: got {value}, expected at least 1.")
    sampling = _sampling_options(metrics, temperature=temperature, truncation=truncation)
    given: dict[str, Any] = dict(sampling)
    if importance_samples is not None:
        given["importance_samples"] = importance_samples
    if any("network" in metric.options or "features" in metric.needs for metric in metrics):
        given["network"] = feature_network(network)
    data = {"dataset": dataset_name, "split": split}
    compared = None
    entries = []
    for metric in metrics:
        if "features" in metric.needs:
            if compared is None:
                compared = compare_samples(
                    model, dataset, network=given["network"], dataset_name=dataset_name, split=split,
                    **settings, **sampling,
                )  # fmt: skip
            entry = metric(compared)
        else:
            options = {name: given[name] for name in metric.options if name in given}
            entry = metric(model, dataset, **settings, **options)
        entries.append({**entry, **data, **(sampling if metric.samples_with_options else {})})
    return entries


def _metrics_of(model: ZooModel, names: Sequence[str] | None) -> list[Metric]:
    if names is None:
        return [METRICS[name] for name in own_scores(model)[:1]]
    known = names_for(model)
    for name in names:
        if name not in known:
            raise ValueError(f"names: got {name!r}, expected any of {sorted(known)}.")
    return [METRICS[name] for name in names]


def _sampling_options(metrics: list[Metric], **options: float | None) -> dict[str, Any]:
    """The options that are not None, or ValueError if no metric uses them."""
    given = {name: value for name, value in options.items() if value is not None}
    if given and not any(metric.samples_with_options for metric in metrics):
        ((name, value), *_) = given.items()
        raise ValueError(f"{name}: got {value}, expected none: no metric of samples was requested.")
    return given
