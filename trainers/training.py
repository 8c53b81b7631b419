"""Training of a model by Keras's `fit`, with what a long run needs around it."""

import contextlib
import math
import os
import warnings
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from .. import metrics
from ..data.batches import Data
from ..data.batches import examples as checked
from ..data.class_numbers import names_of, numbered_as
from ..data.draws import draw
from ..data.sources import Source, as_source, in_order, reading
from ..data.training_batches import training_batches
from ..metrics.plots import save_history
from ..zoo.gans import AdversarialModel
from .callbacks import Evaluation, Preemption, ResetMeans, SampleGrid, SaveCheckpoint, StopAtNaN, StopAtStep
from .checkpoints import Checkpoints
from .collapse import CollapseAlarm
from .compiling import compile_for
from .progress import ShowProgress
from .settings import NAN_LIMITS, complete, steps_or_minutes
from .strategies import choose, is_chief, sum_over_replicas
from .workdir import cut_log, naming, only_training, open_workdir, read_log

# Images that data-dependent initialisation sees: more than a batch, for steadier statistics.
_INITIAL_IMAGES = 256

# Examples that TensorBoard's histograms are of.
_HISTOGRAM_IMAGES = 64

# Examples of an evaluation, unless a number is given: of what each example is scored by, and of what
# compares as many samples with them.
_SCORED_EXAMPLES = 1024
_COMPARED_EXAMPLES = 2000


def train(
    model: keras.Model,
    dataset: Data | Source,
    *,
    workdir: str | os.PathLike,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int = 16,
    learning_rate: float | None = None,
    optimizer: str = "adam",
    schedule: str | None = None,
    warmup_steps: int | None = None,
    clip_norm: float | None = None,
    ema: float | None = None,
    accumulation: int = 1,
    on_nan: str = "stop",
    checkpoint_every: int | str = 1000,
    keep_checkpoints: int = 2,
    evaluate_every: int | None = None,
    eval_dataset: Data | Source | None = None,
    eval_examples: int | None = None,
    strategy: str | None = None,
    replicas: int | None = None,
    batch_parts: int = 1,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    metadata: dict | None = None,
    verbose: str | int = "auto",
) -> keras.Model:
    """Trains `model` and leaves a preset folder at `workdir/preset`.

    Settings that are None are the model's own, `model.training_defaults`; those of flows and VAEs are
    given below in brackets, then those of GANs.

    Run it again with the same `workdir` to go on from the newest checkpoint, after a stop or with
    more `steps`. A resumed training ends with the weights of an uninterrupted one, bit for bit where
    TensorFlow's operations are deterministic (`tf.config.experimental.enable_op_determinism`).

    Args:
      model: a model of `latentzoo.zoo`, with or without weights to start from. Under several
        replicas a copy is trained and its weights are copied back.
      dataset: images [H, W, C] (uint8, or float32 in [0, 1]) or vectors [D], or (image, label) pairs:
        a source (`data.loading.source`), an unbatched, finite `tf.data.Dataset`, or arrays. A source
        that names its classes, as a `tf.data.Dataset` may by an attribute `class_names`, gets the numbers of
        a conditional model's classes (see `data.class_numbers.numbered_as`), and the names go into the
        preset; a GAN that has no classes warns of them.
      workdir: the folder of this training; `trainers/workdir.py` lists what is in it. One that all
        workers share.
      steps: how many steps in all, those of earlier runs in this folder included.
      epochs: the same as a number of passes over the dataset; give exactly one of the two.
      batch_size: images of a step, over all replicas.
      learning_rate: the highest rate of the schedule (1e-3; 2e-3).
      optimizer: the name of a Keras optimiser, such as "adam", "adamax", "adamw"; of a GAN, "adam".
      schedule: "cosine" (to 2% of the rate, at the last step) or "constant", after the warm-up
        ("cosine"; "constant").
      warmup_steps: steps of linear warm-up (a tenth of the steps, at most 500; 0).
      clip_norm: largest global norm of the gradient, 0: no clipping (1; 0).
      ema: decay of the exponential moving average of the weights: what is evaluated, drawn and
        returned; 0: the raw weights are (0.999; 0.999, of the generator). It should forget well within
        the run: 1 / (1 - ema) much below `steps`.
      accumulation: pieces of a batch whose gradients are taken one after the other and summed: the
        same training in the memory of one piece.
      on_nan: what a step whose gradient is not finite does: "stop" ends the training; "skip" leaves
        the weights as they are, and ends the training after 10 such steps in a row.
      checkpoint_every: steps between checkpoints, or minutes as "10min".
      keep_checkpoints: how many of them are kept. The averaged weights with the best evaluation are
        kept too, as the preset folder `workdir/best`. The score is the model's usual one: bits_per_dim
        of a flow, frechet_distance (by the features of SqueezeNet) of a GAN.
      evaluate_every: steps between evaluations, each a line in metrics.jsonl and a grid of samples.
        None: those between checkpoints, or 1000.
      eval_dataset: as `dataset`; None: only the training loss is logged.
      eval_examples: how many of its examples, a draw over all of them (1,024; 2,000, and as many samples).
      strategy: "one" device, "mirrored" over local ones, or "multi_worker", over the processes that
        TF_CONFIG lists; None: mirrored if there are several GPUs or `replicas`, else one. See
        `trainers.strategies.choose`, which "multi_worker" needs called before the model is built.
      replicas: of "mirrored"; None: every GPU, or the one processor. N: N GPUs, or N logical CPUs.
      batch_parts: pieces of a batch that run side by side on a processor; see `Flow.batch_parts`.
      seed: of the order of the data and of the noise in evaluation.
      callbacks: more of Keras's, called after ours.
      metadata: goes into the preset's metadata.json: name, dataset, licence and so on.
      verbose: what is shown on standard error: 0: nothing; "auto" or 1: the step and the time left, in one
        line at a terminal; 2: a line after each evaluation.

    Returns:
      `model`, with the averaged weights.

    Raises:
      ValueError: an argument out of its range, an empty dataset, a batch larger than the dataset, a
        workdir of another training, where another process trains, or with damaged files, or a gradient
        that is not finite.
      SystemExit: with code 0, after SIGTERM: the step is finished and a checkpoint written.
      OSError: the workdir cannot be written, or an image cannot be read.

    >>> import tempfile
    >>> import numpy as np
    >>> from latentzoo.trainers import train
    >>> from latentzoo.zoo.flows import Glow
    >>> images = np.random.default_rng(0).integers(0, 256, [64, 4, 4, 1], np.uint8)
    >>> model = Glow(image_shape=(4, 4, 1), levels=1, depth=1, width=8)
    >>> with tempfile.TemporaryDirectory() as workdir:
    ...     model = train(model, images, workdir=workdir, steps=2, verbose=0)
    >>> model.sample(3).shape
    TensorShape([3, 4, 4, 1])
    """
    dataset, eval_dataset, class_names = _with_classes_of(model, dataset, eval_dataset)
    dataset = _of_model(dataset, model)
    count = len(dataset)
    if not 1 <= batch_size <= count:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 to {count}, the size of the dataset.")
    asked = {
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "schedule": schedule,
        "warmup_steps": warmup_steps,
        "clip_norm": clip_norm,
        "ema": ema,
        "accumulation": accumulation,
        "on_nan": on_nan,
        "checkpoint_every": checkpoint_every,
        "evaluate_every": evaluate_every,
        "seed": seed,
    }
    settings = complete(asked, model, epochs, count / batch_size)
    steps, every = settings["steps"], settings["evaluate_every"]
    if batch_parts != 1 and not hasattr(model, "batch_parts"):
        raise ValueError(f"batch_parts: got {batch_parts}, expected 1: {model.name} has no parts.")
    if keep_checkpoints < 1:
        raise ValueError(f"keep_checkpoints: got {keep_checkpoints}, expected at least 1.")
    scored = None if eval_dataset is None else checked(in_order(eval_dataset), model, "eval_dataset")
    eval_examples = _eval_examples(eval_examples, model, scored)

    def evaluate():
        if scored is None:
            return []
        return metrics.evaluate(
            trained,
            scored,
            names=metrics.names_for(trained)[:1],
            num_examples=eval_examples,
            batch_size=min(64, batch_size // strategy.num_replicas_in_sync),  # what a device has room for
            seed=seed,
            verbose=False,
        )

    strategy = _strategy(model, strategy, replicas, batch_size, accumulation)
    chief = is_chief(strategy)
    about_data = {"dataset": (metadata or {}).get("dataset"), "examples": count}
    with (
        Preemption(chief) as preemption,
        _alone(workdir, strategy),
        reading(dataset, eval_dataset),
    ):
        workdir = open_workdir(workdir, model, {**settings, **about_data}, write=chief)
        model.class_names = class_names
        trained = _copy_into(strategy, model)
        trained.accumulation = accumulation
        if hasattr(trained, "batch_parts"):
            trained.batch_parts = batch_parts
        compile_for(trained, strategy, settings)
        checkpoints = Checkpoints(trained, workdir / "checkpoints", keep_checkpoints)
        preemption.checkpoints = checkpoints
        resumed = checkpoints.restore()
        if chief and not resumed:
            _warn_of_lost_steps(workdir)
        if not resumed and not trained.initialized:
            trained.initialize(*_some_examples(dataset, min(count, _INITIAL_IMAGES), seed))
        step = trained.steps
        _check_workers_agree(strategy, step)
        ours = [StopAtNaN(checkpoints, NAN_LIMITS[on_nan]), StopAtStep(steps)]
        logging, saving = [], []
        if chief:
            checkpoints.remove_unfinished()
            cut_log(workdir / "metrics.jsonl", step)
            shown = _some_examples(dataset, min(count, _HISTOGRAM_IMAGES), seed)
            logging = [Evaluation(workdir, every, steps, batch_size, evaluate, shown, checkpoints)]
            logging += [ShowProgress(every, steps, as_lines=verbose == 2)] if verbose else []
            saving = [
                SampleGrid(workdir, every, steps),
                SaveCheckpoint(checkpoints, *steps_or_minutes(checkpoint_every), steps),
                *_alarms(trained, dataset, every, steps, seed),
            ]
            _warn_of_unused_classes(model, names_of(dataset), about_data["dataset"])
        if step < steps:
            # One call: at its end Keras replaces the raw weights by the averaged ones.
            trained.fit(
                _distributed(strategy, dataset, batch_size, seed, step),
                steps_per_epoch=min(every, steps - step),
                initial_epoch=step // every,
                epochs=step // every + math.ceil((steps - step) / every),
                callbacks=[*ours, *logging, ResetMeans(every, steps), *saving, *callbacks, preemption],
                verbose=0,  # Keras's bar goes to standard output, in colours
                shuffle=False,  # the batches are shuffled already
            )
        trained.use_averages()
        trained.finish_training(training_batches(dataset, batch_size, seed))
        if trained is not model:
            model.set_weights(trained.get_weights())
        if chief:
            model.save_to_preset(workdir / "preset", {"recipe": settings, **(metadata or {})})
            with naming(workdir / "curves.png"):
                save_history(read_log(workdir / "metrics.jsonl"), workdir / "curves.png")
        _check_workers_agree(strategy, steps)  # a worker that left early would end the others
    return model


def _alarms(model, dataset, every, steps, seed) -> list[CollapseAlarm]:
    """What warns of a collapse, if it can happen to such a model."""
    if not model.collapse_examples:
        return []
    some = _some_examples(dataset, min(len(dataset), model.collapse_examples), seed)
    images, labels = (None if part is None else np.asarray(part) for part in some)
    return [CollapseAlarm(every, steps, lambda: model.find_collapse(images, labels))]


def _eval_examples(given: int | None, model: keras.Model, scored: tf.data.Dataset | None) -> int:
    """How many examples an evaluation takes."""
    compares = isinstance(model, AdversarialModel)
    usual = _COMPARED_EXAMPLES if compares else _SCORED_EXAMPLES
    count = usual if given is None else given
    if scored is not None:
        count = min(count, int(scored.cardinality()))
    least = 2 if compares else 1
    if count < least:
        raise ValueError(f"eval_examples: got {count}, expected at least {least}.")
    return count


def _with_classes_of(model, dataset, eval_dataset):
    """The data with their classes numbered as the model's, and what these are called, if it is known."""
    dataset = numbered_as(dataset, model)
    names = (model.class_names or names_of(dataset)) if model.num_classes else ()
    if eval_dataset is not None:
        eval_dataset = numbered_as(eval_dataset, model, "eval_dataset", names)
    return dataset, eval_dataset, names


def _warn_of_unused_classes(model, class_names, dataset_name):
    if model.warns_of_unused_classes and not model.num_classes and len(class_names) > 1:
        warnings.warn(
            f"{dataset_name or 'the dataset'} has {len(class_names)} classes; "
            "the model is unconditional (num_classes=0).",
            stacklevel=3,
        )


def _warn_of_lost_steps(workdir):
    """Tells of a training that went further than its checkpoints know: they are lost, or it had none yet."""
    steps = [record["step"] for record in read_log(workdir / "metrics.jsonl")]
    if steps:
        warnings.warn(
            f"{workdir} has a log up to step {max(steps)} and no whole checkpoint: "
            "the training starts again from step 0.",
            stacklevel=3,
        )


def _of_model(dataset: Data | Source, model: keras.Model) -> Source | tf.data.Dataset:
    """The dataset as a source, if it fits into memory, checked against the model."""
    of_model = checked(in_order(dataset), model)
    source = as_source(dataset)
    if not isinstance(source, Source):
        return of_model
    return source if model.num_classes else source.without_labels()


def _strategy(model, name, replicas: int | None, batch_size: int, accumulation: int):
    strategy = model.distribute_strategy
    if strategy is tf.distribute.get_strategy():
        strategy = choose(name, replicas)
    elif replicas not in (None, strategy.num_replicas_in_sync):
        raise ValueError(
            f"replicas: got {replicas}, expected {strategy.num_replicas_in_sync}, those of the"
            " strategy that the model was built in."
        )
    if batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"batch_size: got {batch_size}, expected a multiple of the"
            f" {strategy.num_replicas_in_sync} replicas."
        )
    if accumulation < 1 or batch_size // strategy.num_replicas_in_sync % accumulation:
        raise ValueError(
            f"accumulation: got {accumulation}, expected a divisor of the"
            f" {batch_size // strategy.num_replicas_in_sync} images of a replica's batch."
        )
    return strategy


def _copy_into(strategy: tf.distribute.Strategy, model: keras.Model) -> keras.Model:
    """`model` itself if its variables live under `strategy`, else a copy whose do."""
    if strategy is model.distribute_strategy:
        return model
    with strategy.scope():
        copy = type(model).from_config(model.get_config())
    copy.class_names = model.class_names
    copy.set_weights(model.get_weights())
    return copy


@contextlib.contextmanager
def _alone(workdir: str | os.PathLike, strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Inside, no other training is in the folder. The chief sees to that, and its workers hear of it."""
    with contextlib.ExitStack() as stack:
        refusal = None
        if is_chief(strategy):
            try:
                stack.enter_context(only_training(workdir))
            except (ValueError, OSError) as error:
                refusal = error
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and sum_over_replicas(
            strategy, int(refusal is not None)
        ):
            refusal = refusal or ValueError(f"workdir: the first worker cannot train in '{workdir}'.")
        if refusal:
            raise refusal
        yield


def _check_workers_agree(strategy: tf.distribute.Strategy, step: int) -> None:
    """Waits for all workers, and makes sure that they are at the same step."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    total, count = sum_over_replicas(strategy, step), strategy.num_replicas_in_sync
    if total != step * count:
        raise ValueError(
            f"workdir: this worker is at step {step}, the mean over all is {total / count:g};"
            " expected one folder that all workers share."
        )


def _some_examples(dataset: Source | tf.data.Dataset, count: int, seed: int):
    """`count` examples, drawn from the whole dataset, and their labels or None."""
    batch = next(iter(draw(in_order(dataset), count, seed).batch(count)))
    return batch if isinstance(batch, tuple) else (batch, None)


def _distributed(strategy, dataset, batch_size, seed, step):
    """The batches from `step` on, a piece for each replica: every worker reads its own alone."""
    pieces = strategy.num_replicas_in_sync
    if strategy is tf.distribute.get_strategy():
        return training_batches(dataset, batch_size, seed, step)

    def of_worker(context):
        here = pieces // context.num_input_pipelines
        first = context.input_pipeline_id * here
        return training_batches(dataset, batch_size, seed, step, pieces, range(first, first + here))

    return strategy.distribute_datasets_from_function(of_worker)
