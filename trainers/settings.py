"""The settings of a training: what was asked for, completed by the model's defaults, and checked."""

import contextlib
import math

import keras

from .compiling import schedule
from .optimizers import optimizer_class

# Steps in a row without a finite gradient that end a training, by `on_nan`.
NAN_LIMITS = {"stop": 1, "skip": 10}


def complete(asked: dict, model: keras.Model, epochs: float | None, steps_per_epoch: float) -> dict:
    """The settings of `train` with a value for each, as train.json and a preset's recipe have them.

    Args:
      asked: by name; None is the model's default.
      model: its `training_defaults` count.
      epochs, steps_per_epoch: in place of the steps.

    Raises:
      ValueError: a setting out of its range.
    """
    settings = {**asked, "steps": _total_steps(asked["steps"], epochs, steps_per_epoch)}
    for name, value in model.training_defaults.items():
        if settings[name] is None:
            settings[name] = value
    if settings["warmup_steps"] is None:
        settings["warmup_steps"] = min(settings["steps"] // 10, 500)
    checkpoint_steps, _ = steps_or_minutes(settings["checkpoint_every"])
    settings["evaluate_every"] = settings["evaluate_every"] or checkpoint_steps or 1000
    _check(settings)
    if model.training_optimizers and settings["optimizer"] not in model.training_optimizers:
        known = " or ".join(map(repr, model.training_optimizers))
        raise ValueError(f"optimizer: got {settings['optimizer']!r}, expected {known} for {model.name}.")
    return settings


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


def steps_or_minutes(value: int | str) -> tuple[int | None, float | None]:
    """`checkpoint_every` as (steps, None) or (None, minutes)."""
    if isinstance(value, str) and value.endswith("min"):
        with contextlib.suppress(ValueError):
            if (minutes := float(value.removesuffix("min"))) > 0:
                return None, minutes
    elif isinstance(value, int) and value > 0:
        return value, None
    raise ValueError(f"checkpoint_every: got {value!r}, expected steps, at least 1, or minutes, as '10min'.")


def _check(settings: dict) -> None:
    for name in ("learning_rate", "evaluate_every"):
        if not settings[name] > 0:
            raise ValueError(f"{name}: got {settings[name]}, expected more than 0.")
    for name in ("warmup_steps", "clip_norm"):
        if settings[name] < 0:
            raise ValueError(f"{name}: got {settings[name]}, expected at least 0.")
    if not 0 <= settings["ema"] < 1:
        raise ValueError(f"ema: got {settings['ema']}, expected a decay below 1, or 0 for none.")
    if settings["on_nan"] not in NAN_LIMITS:
        raise ValueError(f"on_nan: got {settings['on_nan']!r}, expected 'stop' or 'skip'.")
    optimizer_class(settings["optimizer"])
    schedule(settings)
