"""The training loop: starts from the newest checkpoint, then runs `fit` with its callbacks."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import dataclasses
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from .. import metrics
from ..data.training_batches import training_batches
from .callbacks import Evaluation, Preemption, ResetMeans, SampleGrid, SaveCheckpoint, StopAtNaN, StopAtStep
from .checkpoints import Checkpoints
from .collapse import CollapseAlarm
from .compiling import compile_for
from .preparing import Prepared
from .progress import ShowProgress
from .settings import NAN_LIMITS
from .workdir import cut_log, open_workdir, read_log
from .workers import check_workers_agree

# Examples for data-dependent initialization: more than a batch, for less noisy statistics.
_INITIAL_EXAMPLES = 256

# Examples for the histograms in TensorBoard.
_HISTOGRAM_EXAMPLES = 64

# Largest batch that is scored at once.
_SCORED_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run with an open workdir.

    Attributes:
      prepared: the checked model, data and settings.
      trained: the model under the strategy: the given one or a copy of it.
      workdir: the folder of the run.
      checkpoints: its checkpoints.
      first_step: the number of steps taken before.
    """

    prepared: Prepared
    trained: keras.Model
    workdir: Path
    checkpoints: Checkpoints
    first_step: int


def begin(prepared: Prepared) -> Run:
    """Opens the workdir, compiles the model, and restores the newest checkpoint or initializes the model.

    Raises:
      ValueError: the workdir belongs to a different training run, or its files are damaged.
      OSError: it cannot be written.
    """
    settings, chief = prepared.settings, prepared.is_chief
    workdir = open_workdir(settings.workdir, prepared.recipe, prepared.num_examples, write=chief)
    prepared.model.class_names = prepared.class_names
    trained = _copy_into(prepared.strategy, prepared.model)
    trained.micro_batches = settings.micro_batches
    trained.parallel_micro_batches = settings.parallel_micro_batches
    compile_for(trained, prepared.strategy, settings)
    checkpoints = Checkpoints(trained, workdir / "checkpoints", settings.keep_checkpoints)
    resumed = checkpoints.restore()
    if chief and not resumed:
        _warn_of_lost_steps(workdir)
    if not resumed and not trained.initialized:
        examples, conditions = prepared.some_examples(_INITIAL_EXAMPLES)
        trained.initialize(examples, **trained.condition.keywords(conditions))
    check_workers_agree(prepared.strategy, trained.steps)
    if chief:
        checkpoints.remove_unfinished()
        cut_log(workdir / "metrics.jsonl", trained.steps)
        prepared.warn_of_unused_classes()
    return Run(prepared, trained, workdir, checkpoints, trained.steps)


def loop(run: Run, preemption: Preemption) -> None:
    """Takes the remaining steps.

    Raises:
      ValueError: a gradient is not finite. Preempted: after SIGTERM. OSError: a file cannot be written.
    """
    settings, first, prepared = run.prepared.settings, run.first_step, run.prepared
    steps, every = settings.steps, settings.evaluate_every
    if first >= steps:
        return
    # A single call, since Keras replaces the raw weights by the averaged ones at its end.
    run.trained.fit(
        _distributed(prepared, first),
        steps_per_epoch=min(every, steps - first),
        initial_epoch=first // every,
        epochs=first // every + math.ceil((steps - first) / every),
        callbacks=_callbacks(run, preemption),
        verbose=0,  # Keras writes its progress bar to standard output, in color
        shuffle=False,  # `training_batches` shuffles
    )


def _callbacks(run: Run, preemption: Preemption) -> list[keras.callbacks.Callback]:
    """The callbacks in the order in which they run."""
    settings, checkpoints, workdir = run.prepared.settings, run.checkpoints, run.workdir
    every, steps = settings.evaluate_every, settings.steps
    ours = [StopAtNaN(checkpoints, NAN_LIMITS[settings.on_nan]), StopAtStep(steps)]
    if not run.prepared.is_chief:  # writes no files, but resets its means at the same steps
        return [*ours, ResetMeans(every, steps), *settings.callbacks, preemption]
    examples = run.prepared.some_examples(_HISTOGRAM_EXAMPLES)
    # Evaluation reads the means, ResetMeans resets them, then SaveCheckpoint stores them: so a resumed run
    # logs the same values as an uninterrupted one.
    ours.append(
        Evaluation(workdir, every, steps, settings.batch_size, _evaluation(run), examples, checkpoints)
    )
    if settings.verbose:
        ours.append(ShowProgress(every, steps, as_lines=settings.verbose == 2))
    ours += [
        ResetMeans(every, steps),
        SampleGrid(workdir, every, steps),
        SaveCheckpoint(checkpoints, *settings.checkpoint_interval, steps),
        *_alarms(run),
    ]
    return [*ours, *settings.callbacks, preemption]


def _evaluation(run: Run) -> Callable[[], list[dict]]:
    """The function that computes the model's default metric; without evaluation data, it returns []."""
    prepared, settings = run.prepared, run.prepared.settings
    of_replica = settings.batch_size // prepared.strategy.num_replicas_in_sync  # known to fit in memory

    def evaluate():
        if prepared.scored is None:
            return []
        return metrics.evaluate(
            run.trained,
            prepared.scored,
            names=metrics.names_for(run.trained)[:1],
            num_examples=prepared.eval_examples,
            batch_size=min(_SCORED_AT_ONCE, of_replica),
            seed=settings.seed,
            verbose=False,
        )

    return evaluate


def _alarms(run: Run) -> list[CollapseAlarm]:
    """The collapse alarm, for models that can collapse."""
    model, settings = run.trained, run.prepared.settings
    if not model.collapse_examples:
        return []
    images, labels = run.prepared.some_examples(model.collapse_examples)
    every, steps = settings.evaluate_every, settings.steps
    return [CollapseAlarm(every, steps, lambda: model.find_collapse(images, labels))]


def _warn_of_lost_steps(workdir: Path) -> None:
    """Warns if there is a log but no checkpoint to resume from."""
    steps = [record["step"] for record in read_log(workdir / "metrics.jsonl")]
    if steps:
        warnings.warn(
            f"{workdir} has a log up to step {max(steps)} but no complete checkpoint: "
            "training restarts from step 0.",
            stacklevel=5,
        )


def _copy_into(strategy: tf.distribute.Strategy, model: keras.Model) -> keras.Model:
    """`model` itself if it was built under `strategy`, else a copy that is."""
    if strategy is model.distribute_strategy:
        return model
    with strategy.scope():
        copy = type(model).from_config(model.get_config())
    copy.class_names = model.class_names
    copy.set_weights(model.get_weights())
    return copy


def _distributed(prepared: Prepared, step: int):
    """The batches from `step` on, split over the replicas; each worker reads only its own share."""
    strategy, settings = prepared.strategy, prepared.settings
    given = (prepared.dataset, settings.batch_size, settings.seed, step)
    if strategy is tf.distribute.get_strategy():
        return training_batches(*given)
    replicas = strategy.num_replicas_in_sync

    def of_worker(context):
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here
        return training_batches(*given, replicas, range(first, first + here))

    return strategy.distribute_datasets_from_function(of_worker)
