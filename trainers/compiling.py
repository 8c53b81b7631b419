"""Settings of a training as Keras's `compile`."""

import functools

import keras
import tensorflow as tf

from .optimizers import guarded, optimizer_class
from .schedules import WarmupConstant, WarmupCosine


def compile_for(model: keras.Model, strategy: tf.distribute.Strategy, settings: dict) -> None:
    """Compiles `model` and builds its optimizers, under `strategy`.

    Args:
      settings: learning_rate, optimizer, schedule, warmup_steps, steps, clip_norm, ema, batch_size, as
        `trainers.train` has them.

    Raises:
      ValueError: an unknown schedule or optimizer.
    """
    make = functools.partial(make_optimizer, settings)
    with strategy.scope():
        model.compile_for_training(make, ema=settings["ema"], batch_size=settings["batch_size"])


def schedule(settings: dict) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate of each step.

    Raises:
      ValueError: an unknown name.
    """
    rate, warmup = settings["learning_rate"], settings["warmup_steps"]
    if settings["schedule"] == "cosine":
        return WarmupCosine(rate, warmup, settings["steps"])
    if settings["schedule"] == "constant":
        return WarmupConstant(rate, warmup)
    raise ValueError(f"schedule: got {settings['schedule']!r}, expected 'cosine' or 'constant'.")


def make_optimizer(settings: dict, rate_scale: float = 1.0, **options) -> keras.optimizers.Optimizer:
    """A new optimizer of the settings.

    Args:
      rate_scale: multiplies the rate; the schedule counts steps of the training, of which the optimizer
        takes 1 / rate_scale.
      options: of the Keras optimizer.
    """
    make = guarded(optimizer_class(settings["optimizer"]), settings["clip_norm"])
    stretched = {name: round(settings[name] / rate_scale) for name in ("steps", "warmup_steps")}
    rate = settings["learning_rate"] * rate_scale
    return make(learning_rate=schedule({**settings, **stretched, "learning_rate": rate}), **options)
