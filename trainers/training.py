"""Training of a model by Keras's `fit`, with what a long run needs around it."""

import math
import os
import warnings
from pathlib import Path

import keras
import tensorflow as tf

from .. import metrics
from ..metrics.batches import Data, examples
from .batches import training_batches
from .callbacks import Checkpoint, Evaluation, Preemption, SampleGrid, StopAtStep
from .optimizers import clip_over_replicas, optimizer_class
from .schedules import WarmupConstant, WarmupCosine
from .strategies import local_strategy
from .workdir import cut_log, open_workdir

# Images that data-dependent initialisation sees: more than a batch, for steadier statistics.
_INITIAL_IMAGES = 256

# Batches over which batch normalisation's statistics are averaged at the end.
_STATISTICS_BATCHES = 200


def train(
    model: keras.Model,
    dataset: Data,
    *,
    workdir: str | os.PathLike,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup_steps: int | None = None,
    clip_norm: float | None = 1.0,
    ema: float | None = 0.999,
    checkpoint_every: int = 1000,
    eval_dataset: Data | None = None,
    eval_examples: int = 1024,
    replicas: int | None = None,
    batch_parts: int = 1,
    seed: int = 0,
    metadata: dict | None = None,
    verbose: str | int = "auto",
) -> keras.Model:
    """Trains `model` and leaves a preset folder at `workdir/preset`.

    Run it again with the same `workdir` to go on from the newest checkpoint, after a stop or with
    more `steps`: weights, optimiser state and the order of the data continue.

    Args:
      model: a model of `latentzoo.zoo`, with or without weights to start from. Under several
        replicas a copy is trained and its weights are copied back.
      dataset: an unbatched, finite `tf.data.Dataset` of images [H, W, C] (uint8, or float32 in
        [0, 1]) or vectors [D], or of (image, label) pairs; or the same as arrays.
      workdir: the folder of this training; `trainers/workdir.py` lists what is in it.
      steps: how many steps in all, those of earlier runs in this folder included.
      epochs: the same as a number of passes over the dataset; give exactly one of the two.
      batch_size: images of a step, over all replicas.
      learning_rate: the highest rate of the schedule.
      optimizer: the name of a Keras optimiser, such as "adam", "adamax", "adamw".
      schedule: "cosine" (to 2% of the rate, at the last step) or "constant", after the warm-up.
      warmup_steps: steps of linear warm-up; None: a tenth of the steps, at most 500.
      clip_norm: largest global norm of the gradient; None: no clipping.
      ema: decay of the exponential moving average of the weights: what is evaluated, drawn and
        returned; None: the raw weights are. It should forget well within the run: 1 / (1 - ema)
        much below `steps`.
      checkpoint_every: steps between checkpoints; each also evaluates, draws a grid of samples and
        adds a line to metrics.jsonl.
      eval_dataset: as `dataset`; None: only the training loss is logged.
      eval_examples: how many of its examples, from the start.
      replicas: None: every GPU, or the one processor. N: N GPUs, or N logical CPUs (see
        `trainers.strategies.split_cpu`).
      batch_parts: pieces of a batch that run side by side on a processor; see `Flow.batch_parts`.
      seed: of the order of the data and of the noise in evaluation.
      metadata: goes into the preset's metadata.json: name, dataset, licence and so on.
      verbose: that of `fit`: "auto", 0 (silent), 1 (progress bar), 2 (a line a checkpoint).

    Returns:
      `model`, with the averaged weights.

    Raises:
      ValueError: an argument out of its range, an empty dataset, a batch larger than the dataset, a
        workdir of another training or with damaged checkpoints alone, or a loss that is no longer finite.
      SystemExit: with code 0, after SIGTERM: the step is finished and a checkpoint written.
      OSError: the workdir cannot be written.

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
    dataset = examples(dataset, model)
    count = int(dataset.cardinality())
    if not 1 <= batch_size <= count:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 to {count}, the size of the dataset.")
    steps = _total_steps(steps, epochs, count / batch_size)
    settings = {
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "schedule": schedule,
        "warmup_steps": min(steps // 10, 500) if warmup_steps is None else warmup_steps,
        "clip_norm": clip_norm,
        "ema": ema,
        "checkpoint_every": checkpoint_every,
        "seed": seed,
    }
    _check(settings)
    if eval_examples < 1:
        raise ValueError(f"eval_examples: got {eval_examples}, expected at least 1.")

    def evaluate():
        return metrics.evaluate(trained, eval_dataset, num=eval_examples, seed=seed, verbose=False)

    if eval_dataset is not None:
        eval_dataset = examples(eval_dataset, model, "eval_dataset")

    strategy = _strategy(model, replicas, batch_size)
    workdir = open_workdir(workdir, model, settings)
    trained = _copy_into(strategy, model)
    trained.batch_parts = batch_parts
    _compile(trained, strategy, settings)
    manager = _checkpoints(trained, workdir / "checkpoints")
    if not _restore(manager) and not trained.initialized:
        images, labels = _first_batch(dataset, count, seed)
        trained.initialize(images, labels)

    step = int(trained.optimizer.iterations.numpy())
    cut_log(workdir / "metrics.jsonl", step)
    if step < steps:
        units_done = step // checkpoint_every
        with Preemption(manager) as preemption:
            # One call: at its end Keras replaces the raw weights by the averaged ones.
            trained.fit(
                training_batches(dataset, batch_size, seed, first_step=step),
                steps_per_epoch=min(checkpoint_every, steps - step),
                initial_epoch=units_done,
                epochs=units_done + math.ceil((steps - step) / checkpoint_every),
                callbacks=[
                    StopAtStep(steps - step),
                    preemption,
                    Evaluation(workdir, batch_size, evaluate if eval_dataset is not None else None),
                    SampleGrid(workdir),
                    Checkpoint(manager),
                ],
                verbose=verbose,
                shuffle=False,  # the batches are shuffled already
            )
    trained.optimizer.finalize_variable_values(trained.trainable_variables)
    if hasattr(trained, "estimate_statistics"):  # the moving ones belong to the raw weights
        trained.estimate_statistics(training_batches(dataset, batch_size, seed).take(_STATISTICS_BATCHES))

    if trained is not model:
        model.set_weights(trained.get_weights())
    model.save_to_preset(workdir / "preset", {"recipe": settings, **(metadata or {})})
    return model


def _total_steps(steps: int | None, epochs: float | None, steps_per_epoch: float) -> int:
    if (steps is None) == (epochs is None):
        raise ValueError(f"steps: got steps={steps} and epochs={epochs}, expected exactly one.")
    if epochs is not None:
        if epochs <= 0:
            raise ValueError(f"epochs: got {epochs}, expected more than 0.")
        return math.ceil(epochs * steps_per_epoch)
    if steps < 1:
        raise ValueError(f"steps: got {steps}, expected at least 1.")
    return steps


def _check(settings: dict) -> None:
    for name in ("learning_rate", "checkpoint_every", "clip_norm"):
        value = settings[name]
        if value is not None and not value > 0:
            raise ValueError(f"{name}: got {value}, expected more than 0.")
    if settings["warmup_steps"] < 0:
        raise ValueError(f"warmup_steps: got {settings['warmup_steps']}, expected at least 0.")
    if settings["ema"] is not None and not 0 < settings["ema"] < 1:
        raise ValueError(f"ema: got {settings['ema']}, expected a decay between 0 and 1, or None.")
    optimizer_class(settings["optimizer"])
    _schedule(settings)


def _schedule(settings: dict) -> keras.optimizers.schedules.LearningRateSchedule:
    rate, warmup = settings["learning_rate"], settings["warmup_steps"]
    if settings["schedule"] == "cosine":
        return WarmupCosine(rate, warmup, settings["steps"])
    if settings["schedule"] == "constant":
        return WarmupConstant(rate, warmup)
    raise ValueError(f"schedule: got {settings['schedule']!r}, expected 'cosine' or 'constant'.")


def _strategy(model, replicas: int | None, batch_size: int) -> tf.distribute.Strategy:
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        strategy = local_strategy(replicas)
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
    return strategy


def _copy_into(strategy: tf.distribute.Strategy, model: keras.Model) -> keras.Model:
    """`model` itself if its variables live under `strategy`, else a copy whose do."""
    if strategy.num_replicas_in_sync == model.distribute_strategy.num_replicas_in_sync:
        return model
    with strategy.scope():
        copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def _compile(model: keras.Model, strategy: tf.distribute.Strategy, settings: dict) -> None:
    ema, clip_norm = settings["ema"], settings["clip_norm"]
    make = optimizer_class(settings["optimizer"])
    if clip_norm is not None and strategy.num_replicas_in_sync > 1:
        make, clip_norm = clip_over_replicas(make, clip_norm), None
    with strategy.scope():
        optimizer = make(
            learning_rate=_schedule(settings),
            global_clipnorm=clip_norm,
            use_ema=ema is not None,
            ema_momentum=ema or 0.99,  # Keras checks it without use_ema too
        )
        optimizer.build(model.trainable_variables)
        # XLA takes minutes to compile a flow for a processor, and gains nothing there.
        model.compile(optimizer=optimizer, jit_compile=False)


def _checkpoints(model: keras.Model, folder: Path) -> tf.train.CheckpointManager:
    checkpoint = tf.train.Checkpoint(
        model=[variable.value for variable in model.variables],
        optimizer=[variable.value for variable in model.optimizer.variables],
    )
    return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=2)


def _restore(manager: tf.train.CheckpointManager) -> str | None:
    """Restores the newest checkpoint that is whole; warns of damaged ones. None: there is none."""
    for path in reversed(manager.checkpoints):
        try:
            manager.checkpoint.restore(path).assert_consumed()
            return path
        except Exception as error:  # of many bases: IndexError for a file that was cut
            reason = str(error).splitlines()[0]
            warnings.warn(f"checkpoint {path} is damaged, the one before is used: {reason}", stacklevel=3)
    if manager.checkpoints:
        raise ValueError(
            f"workdir: all checkpoints in {manager.directory} are damaged, expected a whole one."
        )
    return None


def _first_batch(dataset: tf.data.Dataset, count: int, seed: int):
    batch = next(iter(training_batches(dataset, min(count, _INITIAL_IMAGES), seed)))
    return batch if isinstance(batch, tuple) else (batch, None)
