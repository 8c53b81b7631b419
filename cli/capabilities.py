"""What a preset's model can do, from its config.json and the source of its class: TensorFlow is not needed.

So a command refuses what the model cannot do before it starts TensorFlow, which takes seconds.
"""

import argparse
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..metrics import register
from ..zoo import json_files, outline, registry
from ..zoo.class_names import match
from . import arguments as types

# A model of more would take minutes to build, and no published one has as many.
MAX_LAYERS = 10_000


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """Of one preset.

    Attributes:
      preset: its name or folder, as the user gave it.
      config: the constructor arguments of its model.
      model: the outline of its class.
    """

    preset: str
    config: dict[str, Any]
    model: outline.Outline

    @property
    def short_name(self) -> str:
        """The preset's name, or that of its folder."""
        return Path(self.preset).resolve().name

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(height, width, channels) of images, or (size,) of vectors."""
        shape = self._argument("event_shape") or self._argument("image_shape")
        return tuple(shape) if isinstance(shape, list | tuple) else ()

    @property
    def has_images(self) -> bool:
        """Whether the model's events are images."""
        return len(self.event_shape) == 3

    @property
    def num_classes(self) -> int:
        return self._argument("num_classes") or 0

    @property
    def latent_dim(self) -> int:
        """Of one latent vector: a flow's is as large as an event."""
        return self._argument("latent_dim") or math.prod(self.event_shape)

    # What the class declares: see `zoo.model.ZooModel`.

    @property
    def scores(self) -> tuple[str, ...]:
        """Those of the class; every metric that a model can name, if it depends on the arguments."""
        declared = self.model.attributes["scores"]
        if declared is not None:
            return declared
        return tuple(name for name, metric in register.METRICS.items() if "scores" in metric.needs)

    @property
    def sampling_options(self) -> tuple[str, ...] | None:
        return self.model.attributes["sampling_options"]

    @property
    def likelihood_kind(self) -> str | None:
        return self.model.attributes["likelihood_kind"]

    @property
    def has_styles(self) -> bool:
        return self.model.attributes["has_styles"]

    def _argument(self, name: str) -> Any:
        declared = self.model.arguments.get(name)
        return self.config.get(name, declared and declared.default)

    def can(self, method: str) -> bool:
        return method in self.model.methods

    def require(self, method: str, what: str) -> "Capabilities":
        """Itself, if the model has the method; what: the method in words, for the error."""
        if not self.can(method):
            raise ValueError(f"preset must {what}, and '{self.preset}' ({self.model.name}) does not.")
        return self

    def require_images(self) -> "Capabilities":
        """Itself, if the model is of images."""
        if not self.has_images:
            shape = list(self.event_shape)
            raise ValueError(f"preset must be a model of images, got '{self.preset}' of vectors, {shape}.")
        return self

    def require_styles(self) -> "Capabilities":
        """Itself, if the model is a StyleGAN."""
        if not self.has_styles:
            raise ValueError(f"preset must be a StyleGAN, got '{self.preset}' ({self.model.name}).")
        return self.require_images()

    def options(
        self, arguments: argparse.Namespace, known: Sequence[str], names: Sequence[str]
    ) -> dict[str, Any]:
        """Those of the arguments `names` that are given, which must be among the `known`."""
        given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
        for name in given:
            if name not in known:
                raise ValueError(
                    f"{name} must not be given for '{self.preset}': a {self.model.name} has no {name}."
                )
        return given

    def check_metrics(self, names: Sequence[str]) -> None:
        """Refuses metrics that there are not, or not of such models."""
        fit = register.names_for(self)
        for name in names:
            check_metric(name)
            if name not in fit:
                raise ValueError(
                    f"metrics: got '{name}', by which '{self.preset}' ({self.model.name}) is not scored: "
                    f"expected some of {', '.join(sorted(fit))}."
                )

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the preset records of the names of its classes."""
        names = registry.info(self.preset).get("classes")
        return tuple(map(str, names)) if isinstance(names, list) else ()

    def class_numbers(self, labels: Sequence[int | str] | None, name: str = "labels") -> list[int] | None:
        """Labels as numbers, or an error: the model is unconditional, or has no such class."""
        if labels is None:
            return None
        if not self.num_classes:
            raise ValueError(f"{name} must not be given: '{self.preset}' is unconditional.")
        for label in labels:
            if not isinstance(label, str) and label >= self.num_classes:
                raise ValueError(
                    f"{name} must be below {self.num_classes}, the number of classes of '{self.preset}', "
                    f"got {label}."
                )
        return numbers_of(labels, self.class_names, self.preset, name)

    def class_number(self, label: int | str | None) -> int | None:
        return None if label is None else self.class_numbers([label], "label")[0]


def numbers_of(
    labels: Sequence[int | str], class_names: Sequence[str], preset: str, name: str = "labels"
) -> list[int]:
    """Labels as numbers; names are found as `zoo.class_names.match` says.

    Raises:
      ValueError: a name that is none of `class_names`.
    """
    numbers = [match([label], class_names)[0] if isinstance(label, str) else label for label in labels]
    for label, number in zip(labels, numbers, strict=True):
        if number is None:
            hint = registry.suggest(label, class_names) if class_names else f"'{preset}' records no names."
            raise ValueError(
                f"{name} must be numbers or names of classes of '{preset}', got '{label}': {hint}"
            )
    return numbers


def of_preset(preset: str) -> Capabilities:
    """The capabilities of a preset, by its name or folder.

    Raises:
      ValueError: no such preset, or a damaged one. OSError: its files cannot be read.
    """
    path = registry.preset_folder(preset) / "config.json"
    try:
        return of_config(preset, json_files.read_object(path), f"'{path}'")
    except FileNotFoundError:
        raise FileNotFoundError(f"'{preset}' is no preset: it has no config.json.") from None


def of_config(preset: str, content: dict[str, Any], source: str) -> Capabilities:
    """The same of what a config.json, or a recipe's `model`, holds; source: of the content, for the error."""
    name, config = content.get("registered_name"), content.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        raise ValueError(f"{source} is damaged: expected a model with registered_name and config.")
    model = outline.model(name)
    if model is None:
        raise ValueError(f"{source} names the class '{name}', expected a model of this zoo.")
    for argument, value in config.items():
        if argument in model.arguments:
            _check_argument(argument, value, model.arguments[argument], source)
    return Capabilities(preset, config, model)


def _check_argument(name: str, value: Any, declared: outline.Argument, source: str) -> None:
    """Refuses a constructor argument of another type than its annotation, and sizes beyond TensorFlow's."""
    kinds = {
        "int": (isinstance(value, int) and not isinstance(value, bool), "an integer"),
        "float": (isinstance(value, int | float) and not isinstance(value, bool), "a number"),
        "bool": (isinstance(value, bool), "true or false"),
        "str": (isinstance(value, str), "a word"),
        "tuple": (_is_shape(value), "a list of positive integers"),
        "None": (value is None, "null"),
    }
    known = [kinds[kind] for kind in declared.types if kind in kinds]
    if len(known) < len(declared.types) or not known:
        return
    if not any(fits for fits, _ in known):
        expected = " or ".join(words for _, words in known)
        raise ValueError(f"{name} of {source} must be {expected}, got {value!r:.200}.")
    if declared.choices and isinstance(value, str) and value not in declared.choices:
        hint = registry.suggest(value, declared.choices)
        raise ValueError(
            f"{name} of {source} must be of {', '.join(declared.choices)}, got '{value}': {hint}"
        )
    numbers = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(number, int) and abs(number) > types.LARGEST for number in numbers):
        raise ValueError(f"{name} of {source} must be at most {types.LARGEST}, got {value!r:.200}.")
    if name in outline.LAYER_COUNTS and value is not None and value > MAX_LAYERS:
        raise ValueError(f"{name} of {source} must be at most {MAX_LAYERS}, got {value}.")


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(size, int) and size > 0 for size in value)


def check_metric(name: str) -> None:
    """Refuses a name that no metric has."""
    if name not in register.METRICS:
        raise ValueError(f"metrics: got '{name}': {registry.suggest(name, register.METRICS)}")


def check_pictures(paths: Sequence[str | Path]) -> None:
    """Refuses picture files that are not there."""
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"image file '{path}' does not exist.")
        if Path(path).is_dir():
            raise IsADirectoryError(f"image file '{path}' is a folder.")
