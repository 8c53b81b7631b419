"""The training settings, each declared once: type, default, range and description.

`TrainingSettings` defines the keyword arguments of `trainers.train`, the flags of `latentzoo train`, the
content of recipes, and what a resumed run must match. It does not import TensorFlow.
"""

import dataclasses
import functools
import inspect
import math
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, Protocol, TypeVar, get_args

from ..zoo.deprecation import warn_of_old_name
from .ranges import Choice, Integer, Interval, Number, Text

if TYPE_CHECKING:
    import keras

    from ..data.batches import Data
    from ..data.sources import Source

P = ParamSpec("P")
R = TypeVar("R", covariant=True)

# Steps in a row with non-finite gradients that stop training, by `on_nan`.
NAN_LIMITS = {"stop": 1, "skip": 10}

# See `strategies.choose`.
STRATEGIES = ("one", "mirrored", "multi_worker")

# Deprecated names of settings.
OLD_NAMES = {"accumulation": "micro_batches", "batch_parts": "parallel_micro_batches"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """The declaration of a setting, in addition to its type and default.

    Attributes:
      help: its meaning, its unit, and what None stands for.
      values: its range; None if the code that uses it checks it. A setting whose default is None always
        accepts None.
      scope: "recipe": affects the result and is recorded; "run": specific to this run or machine, not
        recorded; "python": only in Python, not a flag of the command.
      may_change: whether a resumed run may have a different value.
    """

    help: str
    values: Integer | Number | Choice | Text | Interval | None = None
    scope: Literal["recipe", "run", "python"] = "recipe"
    may_change: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The keyword arguments of `trainers.train`, checked.

    Raises:
      ValueError: a setting is out of range, or not exactly one of `steps` and `epochs` is given.

    >>> from latentzoo.trainers.settings import TrainingSettings
    >>> TrainingSettings(workdir="runs/a", steps=100, ema=1.5)
    Traceback (most recent call last):
    ValueError: ema: got 1.5, expected a decay below 1, or 0 for none.
    """

    workdir: Annotated[
        str | os.PathLike,
        Setting("folder for checkpoints, logs and the preset, shared by all workers", scope="python"),
    ]
    steps: Annotated[
        int | None,
        Setting("total steps, including those before a resume; or set epochs", Integer(1), may_change=True),
    ] = None
    epochs: Annotated[float | None, Setting("total passes over the data", Number(0, above=True))] = None
    batch_size: Annotated[int, Setting("images per step, over all replicas", Integer(1))] = 16
    learning_rate: Annotated[
        float | None,
        Setting("peak learning rate of the schedule (default 1e-3, GANs 2e-3)", Number(0, above=True)),
    ] = None
    optimizer: Annotated[str, Setting("a Keras optimizer: adam, adamax, adamw, ...; GANs: adam", Text())] = (
        "adam"
    )
    schedule: Annotated[
        str | None,
        Setting(
            "after the warm-up: cosine, down to 2% of the peak at the last step, or constant "
            "(default cosine, GANs constant)",
            Choice(("cosine", "constant")),
        ),
    ] = None
    warmup_steps: Annotated[
        int | None,
        Setting(
            "steps of linear warm-up (default a tenth of the steps, at most 500; GANs none)",
            Integer(0),
            may_change=True,  # the default depends on the steps
        ),
    ] = None
    clip_norm: Annotated[
        float | None,
        Setting("maximum global gradient norm; 0: no clipping (default 1, GANs 0)", Number(0)),
    ] = None
    ema: Annotated[
        float | None,
        Setting(
            "decay per step of the moving average of the weights, which is evaluated and returned; 0: none; "
            "1 / (1 - ema) should be much smaller than the number of steps (default 0.999)",
            Number(0, 1, below=True, words="a decay below 1, or 0 for none"),
        ),
    ] = None
    micro_batches: Annotated[
        int,
        Setting("accumulate gradients over this many micro-batches per step, to save memory", Integer(1)),
    ] = 1
    on_nan: Annotated[
        str,
        Setting(
            "on a non-finite gradient: stop, or skip the step (and stop after 10 in a row)",
            Choice(tuple(NAN_LIMITS)),
            may_change=True,
        ),
    ] = "stop"
    checkpoint_every: Annotated[
        int | str, Setting("steps between checkpoints, or minutes, as in 10min", Interval(), may_change=True)
    ] = 1000
    keep_checkpoints: Annotated[int, Setting("number of checkpoints to keep", Integer(1), scope="run")] = 2
    evaluate_every: Annotated[
        int | None,
        Setting(
            "steps between evaluations, each a line in metrics.jsonl and a sample grid "
            "(default: checkpoint_every, if in steps, or 1000)",
            Integer(1),
            may_change=True,
        ),
    ] = None
    eval_dataset: Annotated[
        "Data | Source | None",
        Setting("data to evaluate on, as dataset; None: only log the training loss", scope="python"),
    ] = None
    eval_examples: Annotated[
        int | None,
        Setting(
            "number of examples, drawn at random, per evaluation "
            "(default 1024; GANs 2000, and as many samples)",
            Integer(1),
            scope="run",
        ),
    ] = None
    strategy: Annotated[
        str | None,
        Setting(
            "one: a single device; mirrored: several local devices; multi_worker: the processes in TF_CONFIG "
            "(default: all GPUs, or one device)",
            Choice(STRATEGIES),
            scope="run",
        ),
    ] = None
    replicas: Annotated[
        int | None,
        Setting(
            "number of GPUs, or logical CPUs, of mirrored (default: all GPUs, or one CPU)",
            Integer(1),
            scope="run",
        ),
    ] = None
    parallel_micro_batches: Annotated[
        int,
        Setting(
            "micro-batches that run in parallel on a CPU, each on its share of the threads",
            Integer(1),
            scope="run",
        ),
    ] = 1
    seed: Annotated[int, Setting("seed of the data order and of the noise in evaluation", Integer(0))] = 0
    callbacks: Annotated[
        "Sequence[keras.callbacks.Callback]",
        Setting("additional Keras callbacks, called after the built-in ones", scope="python"),
    ] = ()
    metadata: Annotated[
        dict | None,
        Setting("entries of the preset's metadata.json: name, dataset, split, license, ...", scope="python"),
    ] = None
    verbose: Annotated[
        str | int,
        Setting(
            "progress on standard error: 0: none; 'auto' or 1: the step and the time left, on a line that a "
            "terminal updates in place; 2: a line after each evaluation",
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

    def completed(self, defaults: Mapping[str, Any], steps_per_epoch: float) -> "CompleteSettings":
        """Fills in the defaults of all recipe settings, and converts epochs to steps.

        Args:
          defaults: the model's `training_defaults`.
          steps_per_epoch: of the training data.
        """
        values = {name: getattr(self, name) for name in SETTINGS}
        values |= {name: value for name, value in defaults.items() if values[name] is None}
        if self.epochs is not None:
            values |= {"steps": math.ceil(self.epochs * steps_per_epoch), "epochs": None}
        if values["warmup_steps"] is None:
            values["warmup_steps"] = min(values["steps"] // 10, 500)
        if values["evaluate_every"] is None:
            values["evaluate_every"] = self.checkpoint_interval[0] or 1000
        return CompleteSettings(**values)

    def recipe(self) -> dict[str, Any]:
        """The settings with the scope "recipe" that are not None, by name."""
        return {name: getattr(self, name) for name in names("recipe") if getattr(self, name) is not None}


class CompleteSettings(TrainingSettings):
    """Settings in which these are not None: see `TrainingSettings.completed`."""

    steps: int
    learning_rate: float
    schedule: str
    warmup_steps: int
    clip_norm: float
    ema: float
    evaluate_every: int


SETTINGS: dict[str, Setting] = {
    field.name: get_args(field.type)[1] for field in dataclasses.fields(TrainingSettings)
}
DEFAULTS: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}


def names(*scopes: str) -> tuple[str, ...]:
    """The names of the settings with these scopes, in order of declaration."""
    return tuple(name for name, setting in SETTINGS.items() if setting.scope in scopes)


def with_new_names(given: Mapping[str, Any], stacklevel: int = 2) -> dict[str, Any]:
    """Replaces deprecated names in `given`, with a warning.

    Raises:
      TypeError: a setting is given under both names.
    """
    renamed = dict(given)
    for old, new in OLD_NAMES.items():
        if old in renamed:
            if new in renamed:
                raise TypeError(f"{old} and {new} were given, expected {new} alone.")
            warn_of_old_name(old, new, stacklevel + 1)
            renamed[new] = renamed.pop(old)
    return renamed


class TrainFunction(Protocol[P, R]):
    """The type of `trainers.train`."""

    def __call__(
        self, model: "keras.Model", dataset: "Data | Source", *args: P.args, **kwargs: P.kwargs
    ) -> R: ...


def takes_settings(
    settings_class: Callable[P, TrainingSettings],
) -> Callable[[Callable[..., R]], "TrainFunction[P, R]"]:
    """Decorates `function(model, dataset, settings)` to take the settings as keyword arguments.

    Editors get them from the type; `help` and notebooks get them from the signature and the docstring, in
    which they replace the line `{settings}`.
    """

    make_settings: Callable[..., TrainingSettings] = settings_class

    def decorate(function):
        keywords = [
            parameter.replace(annotation=get_args(parameter.annotation)[0])  # the type in `Annotated`
            for parameter in inspect.signature(settings_class).parameters.values()
        ]
        first = [
            parameter.replace(kind=parameter.POSITIONAL_OR_KEYWORD)
            for parameter in list(inspect.signature(function).parameters.values())[:2]
        ]
        signature = inspect.Signature([*first, *keywords])

        @functools.wraps(function)
        def call(*args: Any, **given: Any):
            bound = signature.bind(*args, **with_new_names(given)).arguments
            model, dataset = (bound.pop(parameter.name) for parameter in first)
            return function(model, dataset, make_settings(**bound))

        call.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue] (any function takes it)
        call.__doc__ = function.__doc__.replace("      {settings}", _described())
        return call

    return decorate


def _described() -> str:
    """The settings as entries in the Args section of a docstring."""
    lines = []
    for name, setting in SETTINGS.items():
        lines += textwrap.wrap(
            f"{name}: {setting.help}.", 110, initial_indent=" " * 6, subsequent_indent=" " * 8
        )
    return "\n".join(lines)
