"""The steps of a training, from the newest checkpoint on, and what happens between them."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import dataclasses
import math
import warnings
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

# Examples that data-dependent initialization sees: more than a batch, for steadier statistics.
_INITIAL_EXAMPLES = 256

# Examples that TensorBoard's histograms are of.
_HISTOGRAM_EXAMPLES = 64

# Images that are scored at a time.
_SCORED_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Run:
    """A training whose folder is open.

    Attributes:
      prepared: what was checked.
      trained: the model that is trained, under the strategy: the given one or a copy.
      workdir: the folder.
      checkpoints: in it.
      first_step: how many steps were taken before.
    """

    prepared: Prepared
    trained: keras.Model
    workdir: Path
    checkpoints: Checkpoints
    first_step: int


def begin(prepared: Prepared) -> Run:
    """Opens the folder, compiles the model, and restores the newest checkpoint or initializes the model.

    Raises:
      ValueError: the folder is of another training, or its files are damaged.
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
        examples, beside = prepared.some_examples(_INITIAL_EXAMPLES)
        trained.initialize(examples, **trained.condition.keywords(beside))
    check_workers_agree(prepared.strategy, trained.steps)
    if chief:
        checkpoints.remove_unfinished()
        cut_log(workdir / "metrics.jsonl", trained.steps)
        prepared.warn_of_unused_classes()
    return Run(prepared, trained, workdir, checkpoints, trained.steps)


def loop(run: Run, preemption: Preemption) -> None:
    """Takes the steps that are left.

    Raises:
      ValueError: a gradient that is not finite. Preempted: after SIGTERM. OSError: a file cannot be written.
    """
    settings, first, prepared = run.prepared.settings, run.first_step, run.prepared
    steps, every = settings.steps, settings.evaluate_every
    if first >= steps:
        return
    # One call: at its end Keras replaces the raw weights by the averaged ones.
    run.trained.fit(
        _distributed(prepared, first),
        steps_per_epoch=min(every, steps - first),
        initial_epoch=first // every,
        epochs=first // every + math.ceil((steps - first) / every),
        callbacks=_callbacks(run, preemption),
        verbose=0,  # Keras's bar goes to standard output, in colors
        shuffle=False,  # the batches are shuffled already
    )


def _callbacks(run: Run, preemption: Preemption) -> list[keras.callbacks.Callback]:
    """What happens after a step, in this order: the one place that decides it."""
    settings, checkpoints, workdir = run.prepared.settings, run.checkpoints, run.workdir
    every, steps = settings.evaluate_every, settings.steps
    ours = [StopAtNaN(checkpoints, NAN_LIMITS[settings.on_nan]), StopAtStep(steps)]
    if not run.prepared.is_chief:  # others write nothing, but reset their means at the same steps
        return [*ours, ResetMeans(every, steps), *settings.callbacks, preemption]
    shown = run.prepared.some_examples(_HISTOGRAM_EXAMPLES)
    # The line of the log reads the means, which are reset then, and the checkpoint holds them as they are
    # after that: so a resumed training logs what an uninterrupted one would.
    ours.append(Evaluation(workdir, every, steps, settings.batch_size, _evaluation(run), shown, checkpoints))
    if settings.verbose:
        ours.append(ShowProgress(every, steps, as_lines=settings.verbose == 2))
    ours += [
        ResetMeans(every, steps),
        SampleGrid(workdir, every, steps),
        SaveCheckpoint(checkpoints, *settings.checkpoint_interval, steps),
        *_alarms(run),
    ]
    return [*ours, *settings.callbacks, preemption]


def _evaluation(run: Run):
    """The function that scores the model by its usual metric; it gives no entry without data to score on."""
    prepared, settings = run.prepared, run.prepared.settings
    of_replica = settings.batch_size // prepared.strategy.num_replicas_in_sync  # what a device has room for

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
    """What warns of a collapse, if it can happen to such a model."""
    model, settings = run.trained, run.prepared.settings
    if not model.collapse_examples:
        return []
    images, labels = run.prepared.some_examples(model.collapse_examples)
    every, steps = settings.evaluate_every, settings.steps
    return [CollapseAlarm(every, steps, lambda: model.find_collapse(images, labels))]


def _warn_of_lost_steps(workdir: Path) -> None:
    """Warns of a training that went further than its checkpoints: they are lost, or it had none yet."""
    steps = [record["step"] for record in read_log(workdir / "metrics.jsonl")]
    if steps:
        warnings.warn(
            f"{workdir} has a log up to step {max(steps)} and no whole checkpoint: "
            "the training starts again from step 0.",
            stacklevel=5,
        )


def _copy_into(strategy: tf.distribute.Strategy, model: keras.Model) -> keras.Model:
    """`model` itself if its variables live under `strategy`, else a copy whose do."""
    if strategy is model.distribute_strategy:
        return model
    with strategy.scope():
        copy = type(model).from_config(model.get_config())
    copy.class_names = model.class_names
    copy.set_weights(model.get_weights())
    return copy


def _distributed(prepared: Prepared, step: int):
    """The batches from `step` on, a part for each replica: every worker reads its own alone."""
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
