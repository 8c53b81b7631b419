"""The settings of a training, each declared once: its type, default, range, and what it means.

The keyword arguments of `trainers.train`, the flags of `latentzoo train`, what a recipe holds and what a
resumed training must agree with are all read from `TrainingSettings`. It needs no TensorFlow.
"""

import dataclasses
import functools
import inspect
import math
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar

from ..zoo.deprecation import warn_of_old_name
from .ranges import Choice, Integer, Interval, Number, Text

if TYPE_CHECKING:
    import keras

    from ..data.batches import Data
    from ..data.sources import Source

P, R = ParamSpec("P"), TypeVar("R")

# Steps in a row without a finite gradient that end a training, by `on_nan`.
NAN_LIMITS = {"stop": 1, "skip": 10}

# Where a training runs: see `strategies.choose`.
STRATEGIES = ("one", "mirrored", "multi_worker")

# What settings were called before.
OLD_NAMES = {"accumulation": "micro_batches", "batch_parts": "parallel_micro_batches"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is declared of a setting beside its type and default.

    Attributes:
      help: what it is, its unit, and what None stands for.
      values: which it takes; None: what uses it checks it. None as a value is always taken where it is the
        default.
      scope: "recipe": says what is trained, and is recorded; "run": of this run or machine, and not recorded;
        "python": of Python alone, no flag of the command.
      may_change: whether a resumed training may have another value than the one before.
    """

    help: str
    values: Integer | Number | Choice | Text | Interval | None = None
    scope: Literal["recipe", "run", "python"] = "recipe"
    may_change: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The keyword arguments of `trainers.train`, checked.

    Raises:
      ValueError: a setting out of its range, or not exactly one of `steps` and `epochs`.

    >>> from latentzoo.trainers.settings import TrainingSettings
    >>> TrainingSettings(workdir="runs/a", steps=100, ema=1.5)
    Traceback (most recent call last):
    ValueError: ema: got 1.5, expected a decay below 1, or 0 for none.
    """

    workdir: Annotated[
        str | os.PathLike,
        Setting("folder of checkpoints, logs and the preset; all workers share it", scope="python"),
    ]
    steps: Annotated[
        int | None,
        Setting("steps in all, over all runs in the workdir; this or epochs", Integer(1), may_change=True),
    ] = None
    epochs: Annotated[float | None, Setting("passes over the data in all", Number(0, above=True))] = None
    batch_size: Annotated[int, Setting("images of a step, over all replicas", Integer(1))] = 16
    learning_rate: Annotated[
        float | None,
        Setting("highest rate of the schedule (default 1e-3, GANs 2e-3)", Number(0, above=True)),
    ] = None
    optimizer: Annotated[str, Setting("a Keras optimizer: adam, adamax, adamw, ...; GANs: adam", Text())] = (
        "adam"
    )
    schedule: Annotated[
        str | None,
        Setting(
            "after the warm-up: cosine, to 2% of the rate at the last step, or constant "
            "(default cosine, GANs constant)",
            Choice(("cosine", "constant")),
        ),
    ] = None
    warmup_steps: Annotated[
        int | None,
        Setting(
            "steps of linear warm-up (default a tenth of the steps, at most 500; GANs none)",
            Integer(0),
            may_change=True,  # it follows from the steps if it is not given
        ),
    ] = None
    clip_norm: Annotated[
        float | None,
        Setting("largest global norm of the gradient; 0: no limit (default 1, GANs 0)", Number(0)),
    ] = None
    ema: Annotated[
        float | None,
        Setting(
            "decay per step of the average of the weights, which is evaluated and returned; 0: none; "
            "1 / (1 - ema) should be much below the steps (default 0.999)",
            Number(0, 1, below=True, words="a decay below 1, or 0 for none"),
        ),
    ] = None
    micro_batches: Annotated[
        int,
        Setting("accumulate the gradient of a batch over so many micro-batches, to save memory", Integer(1)),
    ] = 1
    on_nan: Annotated[
        str,
        Setting(
            "at a gradient that is not finite: stop, or skip the step (10 in a row: stop)",
            Choice(tuple(NAN_LIMITS)),
            may_change=True,
        ),
    ] = "stop"
    checkpoint_every: Annotated[
        int | str, Setting("steps between checkpoints, or minutes as 10min", Interval(), may_change=True)
    ] = 1000
    keep_checkpoints: Annotated[
        int, Setting("how many of the newest checkpoints are kept", Integer(1), scope="run")
    ] = 2
    evaluate_every: Annotated[
        int | None,
        Setting(
            "steps between evaluations, each a line in metrics.jsonl and a grid of samples "
            "(default: those between checkpoints, or 1000)",
            Integer(1),
            may_change=True,
        ),
    ] = None
    eval_dataset: Annotated[
        "Data | Source | None",
        Setting("as dataset, to score on; None: only the training loss is logged", scope="python"),
    ] = None
    eval_examples: Annotated[
        int | None,
        Setting(
            "examples scored at an evaluation, a draw over all "
            "(default 1024; GANs 2000, and as many samples)",
            Integer(1),
            scope="run",
        ),
    ] = None
    strategy: Annotated[
        str | None,
        Setting(
            "one device, mirrored over local ones, or multi_worker, over the processes that TF_CONFIG lists "
            "(default: all GPUs, or one device)",
            Choice(STRATEGIES),
            scope="run",
        ),
    ] = None
    replicas: Annotated[
        int | None,
        Setting(
            "of mirrored: GPUs, or logical CPUs (default: all GPUs, or one CPU)", Integer(1), scope="run"
        ),
    ] = None
    parallel_micro_batches: Annotated[
        int,
        Setting(
            "micro-batches that run side by side on a processor, each on its share of the threads",
            Integer(1),
            scope="run",
        ),
    ] = 1
    seed: Annotated[int, Setting("of the order of the data and of the noise in evaluation", Integer(0))] = 0
    callbacks: Annotated[
        "Sequence[keras.callbacks.Callback]", Setting("more of Keras's, called after ours", scope="python")
    ] = ()
    metadata: Annotated[
        dict | None,
        Setting("entries of the preset's metadata.json: name, dataset, split, licence, ...", scope="python"),
    ] = None
    verbose: Annotated[
        str | int,
        Setting(
            "what standard error shows: 0: nothing; 'auto' or 1: step and time left, in one line at a "
            "terminal; 2: a line after each evaluation",
            scope="python",
        ),
    ] = "auto"

    def __post_init__(self):
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            if setting.values and not (value is None and DEFAULTS[name] is None):
                object.__setattr__(self, name, setting.values.check(name, value))
        if (self.steps is None) == (self.epochs is None):
            raise ValueError(f"steps: got steps={self.steps} and epochs={self.epochs}, expected exactly one.")

    @property
    def checkpoint_interval(self) -> tuple[int | None, float | None]:
        """`checkpoint_every` as (steps, None) or (None, minutes)."""
        return Interval().split("checkpoint_every", self.checkpoint_every)

    def completed(self, defaults: Mapping[str, Any], steps_per_epoch: float) -> "TrainingSettings":
        """The settings with a value for all that belongs to the recipe, the length in steps.

        Args:
          defaults: a model's `training_defaults`.
          steps_per_epoch: of the data.
        """
        steps = math.ceil(self.epochs * steps_per_epoch) if self.steps is None else self.steps
        values = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        if values.get("warmup_steps", self.warmup_steps) is None:
            values["warmup_steps"] = min(steps // 10, 500)
        if self.evaluate_every is None:
            values["evaluate_every"] = self.checkpoint_interval[0] or 1000
        return dataclasses.replace(self, **{**values, "steps": steps, "epochs": None})

    def recipe(self) -> dict[str, Any]:
        """What belongs to the recipe, by name."""
        return {name: getattr(self, name) for name in names("recipe") if getattr(self, name) is not None}


SETTINGS: dict[str, Setting] = {
    field.name: field.type.__metadata__[0] for field in dataclasses.fields(TrainingSettings)
}
DEFAULTS: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}


def names(*scopes: str) -> tuple[str, ...]:
    """The settings of these scopes, in their order."""
    return tuple(name for name, setting in SETTINGS.items() if setting.scope in scopes)


def with_new_names(given: Mapping[str, Any], stacklevel: int = 2) -> dict[str, Any]:
    """`given`, its settings by their names of now; warns of old ones.

    Raises:
      TypeError: a setting by both names.
    """
    renamed = dict(given)
    for old, new in OLD_NAMES.items():
        if old in renamed:
            if new in renamed:
                raise TypeError(f"{old} and {new} were given, expected {new} alone.")
            warn_of_old_name(old, new, stacklevel + 1)
            renamed[new] = renamed.pop(old)
    return renamed


def takes_settings(
    settings_class: Callable[P, TrainingSettings],
) -> Callable[[Callable[..., R]], "Callable[Concatenate[keras.Model, Data | Source, P], R]"]:
    """Makes of `function(model, dataset, settings)` one that takes the settings as keyword arguments.

    Editors see them through the type, `help` and notebooks through the signature and the docstring, where
    they take the place of the line `{settings}`.
    """

    def decorate(function):
        keywords = [
            parameter.replace(annotation=parameter.annotation.__origin__)  # without what is `Annotated`
            for parameter in inspect.signature(settings_class).parameters.values()
        ]
        first = [
            parameter.replace(kind=parameter.POSITIONAL_OR_KEYWORD)
            for parameter in list(inspect.signature(function).parameters.values())[:2]
        ]
        signature = inspect.Signature([*first, *keywords])

        @functools.wraps(function)
        def call(*args, **given):
            bound = signature.bind(*args, **with_new_names(given)).arguments
            model, dataset = (bound.pop(parameter.name) for parameter in first)
            return function(model, dataset, settings_class(**bound))

        call.__signature__ = signature
        call.__doc__ = function.__doc__.replace("      {settings}", _described())
        return call

    return decorate


def _described() -> str:
    """The settings as entries of a docstring's Args."""
    lines = []
    for name, setting in SETTINGS.items():
        lines += textwrap.wrap(
            f"{name}: {setting.help}.", 110, initial_indent=" " * 6, subsequent_indent=" " * 8
        )
    return "\n".join(lines)
