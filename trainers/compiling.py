"""Settings of a training as Keras's `compile`."""

import math

import keras
import tensorflow as tf

from ..zoo.gans import AdversarialModel
from .optimizers import guarded, optimizer_class
from .schedules import WarmupConstant, WarmupCosine


def compile_for(model: keras.Model, strategy: tf.distribute.Strategy, settings: dict) -> None:
    """Compiles `model` and builds its optimisers, under `strategy`.

    Args:
      settings: learning_rate, optimizer, schedule, warmup_steps, steps, clip_norm, ema, batch_size, as
        `trainers.train` has them.

    Raises:
      ValueError: a GAN with another optimiser than Adam, or an unknown schedule.
    """
    with strategy.scope():
        if isinstance(model, AdversarialModel):
            _compile_adversarial(model, settings)
        else:
            _compile_one(model, settings)


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


def _compile_one(model, settings):
    make = guarded(optimizer_class(settings["optimizer"]), settings["clip_norm"])
    ema = settings["ema"]
    optimizer = make(
        learning_rate=schedule(settings),
        use_ema=ema > 0,
        ema_momentum=ema or 0.99,  # Keras checks it without use_ema too
    )
    optimizer.build(model.trainable_variables)
    # XLA takes minutes to compile a flow for a processor, and gains nothing there.
    model.compile(optimizer=optimizer, jit_compile=False)


def _compile_adversarial(model, settings):
    if settings["optimizer"] != "adam":
        raise ValueError(f"optimizer: got {settings['optimizer']!r}, expected 'adam' for {model.name}.")
    make = guarded(keras.optimizers.Adam, settings["clip_norm"])
    generator, discriminator = (
        make(**_adam_of(model, network, settings)) for network in ("generator", "discriminator")
    )
    ema = settings["ema"]
    half_life = settings["batch_size"] * math.log(0.5) / math.log(ema) if ema else 0
    model.compile(generator, discriminator, ema_images=half_life, jit_compile=False)


def _adam_of(model, network, settings):
    """The model's Adam, its rate by schedule; lazy steps are counted in `steps` too."""
    adam = model.adam_settings(network, settings["learning_rate"])
    share = adam["learning_rate"] / settings["learning_rate"]  # of all steps, those that are not lazy
    times = {name: round(settings[name] / share) for name in ("steps", "warmup_steps")}
    return {**adam, "learning_rate": schedule({**settings, **times, "learning_rate": adam["learning_rate"]})}
