"""What a preset's model can do, read from its config.json and the source of its class, without TensorFlow.

Commands reject what the model cannot do before they import TensorFlow, which takes seconds.
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

# A larger model would take minutes to build; no published one has as many layers.
MAX_LAYERS = 10_000


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """The capabilities of one preset's model.

    Attributes:
      preset: name or folder of the preset, as given by the user.
      config: constructor arguments of the model.
      model: outline of the model's class.
    """

    preset: str
    config: dict[str, Any]
    model: outline.Outline

    @property
    def short_name(self) -> str:
        """The preset's name, or the name of its folder."""
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
        """The size of a latent vector; for a flow, the size of an event."""
        return self._argument("latent_dim") or math.prod(self.event_shape)

    # Declared by the class: see `zoo.model.ZooModel`.

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores of the class; if they depend on its arguments, every metric of scores."""
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
        """Returns whether the model has the method."""
        return method in self.model.methods

    def require(self, method: str, what: str) -> "Capabilities":
        """Returns `self` if the model has the method; `what` describes the method in the error message."""
        if not self.can(method):
            raise ValueError(f"preset must {what}, and '{self.preset}' ({self.model.name}) does not.")
        return self

    def require_images(self) -> "Capabilities":
        """Returns `self` if the model is of images."""
        if not self.has_images:
            shape = list(self.event_shape)
            raise ValueError(f"preset must be a model of images, got '{self.preset}' of vectors, {shape}.")
        return self

    def require_styles(self) -> "Capabilities":
        """Returns `self` if the model is a StyleGAN."""
        if not self.has_styles:
            raise ValueError(f"preset must be a StyleGAN, got '{self.preset}' ({self.model.name}).")
        return self.require_images()

    def options(
        self, arguments: argparse.Namespace, known: Sequence[str] | None, names: Sequence[str]
    ) -> dict[str, Any]:
        """Returns the arguments in `names` that are given; they must be among the `known`."""
        given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
        for name in given:
            if name not in (known or ()):
                raise ValueError(
                    f"{name} must not be given for '{self.preset}': a {self.model.name} has no {name}."
                )
        return given

    def check_metrics(self, names: Sequence[str]) -> None:
        """Checks that the metrics exist and fit the model."""
        fit = register.names_for(self)
        for name in names:
            check_metric(name)
            if name not in fit:
                raise ValueError(
                    f"metrics: got '{name}', which does not fit '{self.preset}' ({self.model.name}): "
                    f"expected any of {', '.join(sorted(fit))}."
                )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names that the preset records; empty if there are none."""
        names = registry.info(self.preset).get("classes")
        return tuple(map(str, names)) if isinstance(names, list) else ()

    def class_numbers(self, labels: Sequence[int | str] | None, name: str = "labels") -> list[int] | None:
        """Returns labels as numbers.

        Raises:
          ValueError: the model is unconditional, or has no such class.
        """
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
        """Returns a label as a number; None for None."""
        numbers = self.class_numbers(None if label is None else [label], "label")
        return numbers[0] if numbers else None


def numbers_of(
    labels: Sequence[int | str], class_names: Sequence[str], preset: str, name: str = "labels"
) -> list[int]:
    """Returns labels as numbers; names are matched by `zoo.class_names.match`.

    Raises:
      ValueError: a name is not in `class_names`.
    """
    numbers = []
    for label in labels:
        number = match([label], class_names)[0] if isinstance(label, str) else label
        if number is None:
            hint = (
                registry.suggest(str(label), class_names) if class_names else f"'{preset}' records no names."
            )
            raise ValueError(
                f"{name} must be numbers or names of classes of '{preset}', got '{label}': {hint}"
            )
        numbers.append(number)
    return numbers


def of_preset(preset: str) -> Capabilities:
    """Returns the capabilities of a preset, by its name or folder.

    Raises:
      ValueError: there is no such preset, or it is damaged.
      OSError: its files cannot be read.
    """
    path = registry.preset_folder(preset) / "config.json"
    try:
        return of_config(preset, json_files.read_object(path), f"'{path}'")
    except FileNotFoundError:
        raise FileNotFoundError(f"'{preset}' is not a preset: it has no config.json.") from None


def of_config(preset: str, content: dict[str, Any], source: str) -> Capabilities:
    """Returns the capabilities of a model from a config.json or the `model` of a recipe.

    Args:
      source: where the content is from, for error messages.
    """
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
    """Checks a constructor argument against its annotation, and sizes against TensorFlow's limits."""
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
            f"{name} of {source} must be one of {', '.join(declared.choices)}, got '{value}': {hint}"
        )
    numbers = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(number, int) and abs(number) > types.LARGEST for number in numbers):
        raise ValueError(f"{name} of {source} must be at most {types.LARGEST}, got {value!r:.200}.")
    if name in outline.LAYER_COUNTS and isinstance(value, int) and value > MAX_LAYERS:
        raise ValueError(f"{name} of {source} must be at most {MAX_LAYERS}, got {value}.")


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(size, int) and size > 0 for size in value)


def check_metric(name: str) -> None:
    """Checks that a metric exists."""
    if name not in register.METRICS:
        raise ValueError(f"metrics: got '{name}': {registry.suggest(name, register.METRICS)}")


def check_pictures(paths: Sequence[str | Path]) -> None:
    """Checks that image files exist."""
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"image file '{path}' does not exist.")
        if Path(path).is_dir():
            raise IsADirectoryError(f"image file '{path}' is a folder.")
