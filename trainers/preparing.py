"""Checks a training run before anything is written to its workdir."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import dataclasses
import os
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .. import metrics
from ..data.batches import Data
from ..data.batches import examples as checked
from ..data.class_numbers import names_of, numbered_as
from ..data.draws import draw
from ..data.sources import Source, as_source, in_order
from . import recipes
from .compiling import schedule
from .optimizers import optimizer_class
from .settings import CompleteSettings, TrainingSettings
from .strategies import choose, is_chief

# Default number of evaluation examples: for metrics that score each example, and for metrics that compare
# the examples with as many samples.
_SCORED_EXAMPLES = 1024
_COMPARED_EXAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A checked training run that has not started.

    Attributes:
      model: the model that the caller passed.
      dataset: the training data, with the model's class numbers.
      eval_dataset: the evaluation data, or None.
      scored: the evaluation data as `metrics.evaluate` takes it, or None.
      class_names: the names of the model's labels; empty if unknown.
      settings: the settings with all defaults filled in.
      eval_examples: the number of examples of an evaluation.
      strategy: the distribution strategy.
    """

    model: keras.Model
    dataset: Source | tf.data.Dataset
    eval_dataset: Data | Source | None
    scored: tf.data.Dataset | None
    class_names: tuple[str, ...]
    settings: CompleteSettings
    eval_examples: int
    strategy: tf.distribute.Strategy

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files."""
        return is_chief(self.strategy)

    @property
    def num_examples(self) -> int:
        """The size of the training data."""
        return len(self.dataset)

    @property
    def metadata(self) -> dict[str, Any]:
        """The entries of the preset's metadata.json."""
        name = os.path.basename(os.path.realpath(self.settings.workdir))
        return {"name": name, "dataset": None, "recipe": self.recipe, **(self.settings.metadata or {})}

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe that repeats this run: see `recipes`."""
        dataset = (self.settings.metadata or {}).get("dataset")
        return recipes.make(self.model, dataset, self.settings)

    def some_examples(self, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Up to `count` random examples of the training data, and their labels or conditions (or None)."""
        count = min(self.num_examples, count)
        batch = next(iter(draw(in_order(self.dataset), count, self.settings.seed).batch(count)))
        examples, labels = batch if isinstance(batch, tuple) else (batch, None)
        return np.asarray(examples), None if labels is None else np.asarray(labels)

    def warn_of_unused_classes(self) -> None:
        """Warns if the data has classes that the model, such as a GAN, would benefit from."""
        count = len(names_of(self.dataset))
        if self.model.warns_of_unused_classes and not self.model.num_classes and count > 1:
            warnings.warn(
                f"{self.recipe['dataset'] or 'the dataset'} has {count} classes; "
                "the model is unconditional (num_classes=0).",
                stacklevel=5,
            )


def prepare(model: keras.Model, dataset: Data | Source, settings: TrainingSettings) -> Prepared:
    """Checks the settings against the model and the data, and fills in their defaults.

    Raises:
      ValueError: as `train`.
    """
    dataset = numbered_as(dataset, model)
    names = (model.class_names or names_of(dataset)) if model.num_classes else ()
    eval_dataset = settings.eval_dataset
    if eval_dataset is not None:
        eval_dataset = numbered_as(eval_dataset, model, "eval_dataset", names)
    dataset = _of_model(dataset, model)
    count = len(dataset)
    if settings.batch_size > count:
        raise ValueError(
            f"batch_size: got {settings.batch_size}, expected 1 to {count}, the size of the dataset."
        )
    complete = settings.completed(model.training_defaults, count / settings.batch_size)
    _check_optimizer(model, complete)
    model.parallel_micro_batches = complete.parallel_micro_batches
    scored = None if eval_dataset is None else checked(in_order(eval_dataset), model, "eval_dataset")
    return Prepared(
        model=model,
        dataset=dataset,
        eval_dataset=eval_dataset,
        scored=scored,
        class_names=names,
        settings=complete,
        eval_examples=_eval_examples(complete.eval_examples, model, scored),
        strategy=_strategy(model, complete),
    )


def _of_model(dataset: Data | Source, model: keras.Model) -> Source | tf.data.Dataset:
    """The dataset, checked against the model; as a source if it is one or can become one."""
    of_model = checked(in_order(dataset), model)
    source = as_source(dataset)
    if not isinstance(source, Source):
        return of_model
    return source if model.condition else source.without_labels()


def _check_optimizer(model: keras.Model, settings: CompleteSettings) -> None:
    optimizer_class(settings.optimizer)
    schedule(settings)
    if model.training_optimizers and settings.optimizer not in model.training_optimizers:
        known = " or ".join(map(repr, model.training_optimizers))
        raise ValueError(f"optimizer: got {settings.optimizer!r}, expected {known} for {model.name}.")


def _eval_examples(given: int | None, model: keras.Model, scored: tf.data.Dataset | None) -> int:
    """The number of examples of an evaluation."""
    compares = any("features" in metrics.METRICS[name].needs for name in metrics.names_for(model)[:1])
    default = _COMPARED_EXAMPLES if compares else _SCORED_EXAMPLES
    count = default if given is None else given
    if scored is not None:
        count = min(count, int(scored.cardinality()))
    least = 2 if compares else 1
    if count < least:
        raise ValueError(f"eval_examples: got {count}, expected at least {least}.")
    return count


def _strategy(model: keras.Model, settings: TrainingSettings) -> tf.distribute.Strategy:
    strategy, replicas, batch_size = model.distribute_strategy, settings.replicas, settings.batch_size
    if strategy is tf.distribute.get_strategy():
        strategy = choose(settings.strategy, replicas)
    elif replicas not in (None, strategy.num_replicas_in_sync):
        raise ValueError(
            f"replicas: got {replicas}, expected {strategy.num_replicas_in_sync}, as in the strategy"
            " that the model was built under."
        )
    count = strategy.num_replicas_in_sync
    if batch_size % count:
        raise ValueError(f"batch_size: got {batch_size}, expected a multiple of the {count} replicas.")
    if batch_size // count % settings.micro_batches:
        raise ValueError(
            f"micro_batches: got {settings.micro_batches}, expected a divisor of the"
            f" {batch_size // count} images of each replica's batch."
        )
    return strategy
