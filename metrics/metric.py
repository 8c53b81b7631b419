"""The declaration of a metric: its unit, which direction is better, and what it needs."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, Literal, Protocol

from ..zoo.deprecation import old_arguments

# What a metric may need from the model or the data.
NEEDS = {
    "scores": "a model that lists the metric in its `scores`",
    "images": "a model of images",
    "samples": "a model that samples: its `sampling_options` is not None",
    "styles": "a model with `mapping` and `synthesis`: its `has_styles` is true",
    "features": "features of samples and of real images: `FeatureSets`, the only argument of the function",
    "labels": "labeled data, whatever the model",
}

# The arguments that a metric may take in addition to `num_examples`, `batch_size`, `seed` and `verbose`.
OPTIONS = ("importance_samples", "network", "temperature", "truncation")


class Declarations(Protocol):
    """What models declare to metrics; see `ZooModel` for the attributes."""

    @property
    def scores(self) -> tuple[str, ...]: ...
    @property
    def has_images(self) -> bool: ...
    @property
    def sampling_options(self) -> tuple[str, ...] | None: ...
    @property
    def has_styles(self) -> bool: ...


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric; calling it calls its function.

    Attributes:
      name: the name of the function.
      unit: the unit of the value.
      better: "higher" or "lower"; None: neither, so it never selects the best checkpoint.
      needs: keys of `NEEDS`.
      function: returns the entry of a model: a dict with name, unit, protocol, value, standard_error and
        num_examples. It is called with `FeatureSets` if it needs features, otherwise as
        `function(model, dataset, num_examples=..., batch_size=..., seed=..., verbose=..., **options)`.
      options: those of `OPTIONS` that the function takes.
      usual: whether it is the default metric of models without scores of their own.

    Raises:
      ValueError: `better`, a need or an option is unknown.
    """

    name: str
    unit: str
    better: Literal["higher", "lower"] | None
    needs: tuple[str, ...]
    function: Callable[..., dict[str, Any]]
    options: tuple[str, ...] = ()
    usual: bool = False

    def __post_init__(self):
        if self.better not in ("higher", "lower", None):
            raise ValueError(f"better of {self.name}: got {self.better!r}, expected higher, lower or None.")
        for field, known in (("needs", NEEDS), ("options", OPTIONS)):
            for word in getattr(self, field):
                if word not in known:
                    raise ValueError(
                        f"{field} of {self.name}: got {word!r}, expected any of {', '.join(known)}."
                    )

    def __call__(self, *args, **kwargs) -> dict[str, Any]:
        return self.function(*args, **kwargs)

    @property
    def samples_with_options(self) -> bool:
        """Whether the metric scores samples, which depend on temperature and truncation."""
        return "features" in self.needs or bool({"temperature", "truncation"} & set(self.options))

    def fits(self, model: Declarations) -> bool:
        """Returns whether `model` has everything that the metric needs from it.

        Args:
          model: a `ZooModel`, or an object that declares the same attributes.
        """
        has = {
            "scores": self.name in model.scores,
            "images": model.has_images,
            "samples": model.sampling_options is not None,
            "styles": model.has_styles,
        }
        return all(has.get(need, True) for need in self.needs)

    def cost(self, value: float) -> float:
        """Returns `value` as a cost, where lower is better; infinity if neither direction is better.

        >>> def loudness(model, dataset, **settings): ...
        >>> Metric("loudness", "dB", "higher", (), loudness).cost(3.0)
        -3.0
        """
        if self.better is None:
            return math.inf
        return value if self.better == "lower" else -value


def metric(
    *,
    unit: str,
    better: Literal["higher", "lower"] | None,
    needs: tuple[str, ...],
    options: tuple[str, ...] = (),
    usual: bool = False,
) -> Callable[[Callable], Callable]:
    """Declares a function of a module of `metrics` as a metric; there is no other list.

    All arguments must be literals, since the register reads them from the source. See `Metric` for their
    meaning and how the function is called. The function returns a dict with protocol, value, standard_error
    and num_examples; the decorator adds name and unit. A `unit` in the dict replaces the declared one, and
    the name of a feature `network` becomes part of the entry's name.

    Raises:
      ValueError: as for `Metric`.

    >>> from latentzoo.metrics.metric import metric
    >>> @metric(unit="examples", better=None, needs=())
    ... def size(model, dataset, **settings):
    ...     return {"value": len(dataset), "network": "eyes"}
    >>> size(None, [1, 2, 3])
    {'name': 'size (eyes)', 'unit': 'examples', 'value': 3}
    """

    def decorate(function):
        name = function.__name__
        Metric(name, unit, better, needs, function, options, usual)  # checks the arguments

        @old_arguments(num="num_examples", num_samples="importance_samples")
        @functools.wraps(function)
        def entry(*args, **kwargs):
            result = function(*args, **kwargs)
            network = result.pop("network", None)
            return {"name": f"{name} ({network})" if network else name, "unit": unit, **result}

        return entry

    return decorate
