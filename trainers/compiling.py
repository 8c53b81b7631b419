"""Compiles a model according to the training settings."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import functools

import keras
import tensorflow as tf

from .optimizers import guarded, optimizer_class
from .schedules import WarmupConstant, WarmupCosine
from .settings import CompleteSettings


def compile_for(model: keras.Model, strategy: tf.distribute.Strategy, settings: CompleteSettings) -> None:
    """Compiles `model` and builds its optimizers under `strategy`.

    Raises:
      ValueError: an unknown schedule or optimizer.
    """
    make = functools.partial(make_optimizer, settings)
    with strategy.scope():
        model.compile_for_training(make, ema=settings.ema, batch_size=settings.batch_size)


def schedule(
    settings: CompleteSettings, rate_scale: float = 1.0
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning-rate schedule; see `make_optimizer`.

    Raises:
      ValueError: the warm-up is not shorter than the training.
    """
    rate = settings.learning_rate * rate_scale
    steps, warmup = (round(count / rate_scale) for count in (settings.steps, settings.warmup_steps))
    if settings.schedule == "cosine":
        return WarmupCosine(rate, warmup, steps)
    return WarmupConstant(rate, warmup)


def make_optimizer(
    settings: CompleteSettings, rate_scale: float = 1.0, **options
) -> keras.optimizers.Optimizer:
    """Creates the optimizer that the settings describe.

    Args:
      rate_scale: multiplies the learning rate; the optimizer takes 1 / rate_scale times as many steps as
        the training run, and the schedule is stretched to match.
      options: passed to the Keras optimizer.
    """
    make = guarded(optimizer_class(settings.optimizer), settings.clip_norm)
    return make(learning_rate=schedule(settings, rate_scale), **options)
