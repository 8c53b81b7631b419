"""`evaluate`: the scores of a model on a dataset."""

from collections.abc import Sequence

from ..data.batches import Data
from ..zoo import keras_backend as keras_backend
from ..zoo.deprecation import old_arguments
from ..zoo.features import feature_network
from .feature_sets import compare_samples
from .register import METRICS, names_for, own_scores


@old_arguments(num="num_examples", num_samples="importance_samples")
def evaluate(
    model,
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
      num_examples: score so many examples, a draw of `seed` over the whole dataset; None: all. Of sample
        quality, the number of samples, and of real images if there are so many; None: 10,000.
      batch_size: examples at a time.
      seed: of the draw of `num_examples`, of the dequantization noise, of a VAE's samples, of the samples
        that are compared.
      verbose: show a progress bar.
      importance_samples: k of the importance-weighted bound of a VAE; None: what is usual for each metric.
      network: the feature network of sample quality, of `latentzoo.zoo.features.NETWORKS`; the names of the
        results bear its name.
      temperature, truncation: of the samples, where the model has them (`sampling_options`); None: 1.

    Returns:
      One dict a metric: name, value, standard_error (over examples), unit, dataset, split,
      num_examples, protocol; as in a preset's metadata.json.

    Raises:
      ValueError: a metric that is unknown or not of such models, an empty dataset, `num_examples`,
        `batch_size` or `importance_samples` below 1, a temperature or truncation that no metric asked for
        can take.
    """
    metrics = _metrics_of(model, names)
    settings = {"num_examples": num_examples, "batch_size": batch_size, "seed": seed, "verbose": verbose}
    for name, value in (
        ("importance_samples", importance_samples), ("batch_size", batch_size), ("num_examples", num_examples)
    ):  # fmt: skip
        if value is not None and value < 1:
            raise ValueError(f"{name}: got {value}, expected at least 1.")
    sampling = {"temperature": temperature, "truncation": truncation}
    drawn = {name: value for name, value in sampling.items() if value is not None}
    if drawn and not any(metric.samples_with_options for metric in metrics):
        ((name, value), *_) = drawn.items()
        raise ValueError(f"{name}: got {value}, expected none: no metric of samples is asked for.")
    given = dict(drawn)
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
                    **settings, **drawn,
                )  # fmt: skip
            entry = metric(compared)
        else:
            options = {name: given[name] for name in metric.options if name in given}
            entry = metric(model, dataset, **settings, **options)
        entries.append({**entry, **data, **(drawn if metric.samples_with_options else {})})
    return entries


def _metrics_of(model, names):
    if names is None:
        return [METRICS[name] for name in own_scores(model)[:1]]
    known = names_for(model)
    for name in names:
        if name not in known:
            raise ValueError(f"names: got {name!r}, expected any of {sorted(known)}.")
    return [METRICS[name] for name in names]
