"""Settings of a training as Keras's `compile`."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import functools

import keras
import tensorflow as tf

from .optimizers import guarded, optimizer_class
from .schedules import WarmupConstant, WarmupCosine
from .settings import TrainingSettings


def compile_for(model: keras.Model, strategy: tf.distribute.Strategy, settings: TrainingSettings) -> None:
    """Compiles `model` and builds its optimizers, under `strategy`.

    Args:
      settings: complete.

    Raises:
      ValueError: an unknown schedule or optimizer.
    """
    make = functools.partial(make_optimizer, settings)
    with strategy.scope():
        model.compile_for_training(make, ema=settings.ema, batch_size=settings.batch_size)


def schedule(
    settings: TrainingSettings, rate_scale: float = 1.0
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate of each step; see `make_optimizer`.

    Raises:
      ValueError: the warm-up is no shorter than the training.
    """
    rate = settings.learning_rate * rate_scale
    steps, warmup = (round(count / rate_scale) for count in (settings.steps, settings.warmup_steps))
    if settings.schedule == "cosine":
        return WarmupCosine(rate, warmup, steps)
    return WarmupConstant(rate, warmup)


def make_optimizer(
    settings: TrainingSettings, rate_scale: float = 1.0, **options
) -> keras.optimizers.Optimizer:
    """A new optimizer of the settings.

    Args:
      rate_scale: multiplies the rate; the schedule counts steps of the training, of which the optimizer
        takes 1 / rate_scale.
      options: of the Keras optimizer.
    """
    make = guarded(optimizer_class(settings.optimizer), settings.clip_norm)
    return make(learning_rate=schedule(settings, rate_scale), **options)
