"""What a metric declares: its unit, which way is better, and what it needs."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, Literal

from ..zoo.deprecation import old_arguments

# What a metric may need, of the model or of the data.
NEEDS = {
    "scores": "a model that names the metric in its `scores`",
    "images": "a model of images",
    "samples": "a model that samples: its `sampling_options` are not None",
    "styles": "a model with `mapping` and `synthesis`: its `has_styles` is true",
    "features": "features of samples and of real images, `FeatureSets`: the one argument of the function",
    "labels": "labeled data, whatever the model",
}

# The arguments that a metric may take beside `num_examples`, `batch_size`, `seed` and `verbose`.
OPTIONS = ("importance_samples", "network", "temperature", "truncation")


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric. Calling it calls its function.

    Attributes:
      name: that of the function.
      unit: of the value.
      better: "higher" or "lower"; None: neither, and no model is the best by it.
      needs: of `NEEDS`.
      function: gives the entry of a model: a dict with name, unit, protocol, value, standard_error and
        num_examples. It is called with `FeatureSets` if it needs features; else as
        `function(model, dataset, num_examples=..., batch_size=..., seed=..., verbose=..., **options)`.
      options: of `OPTIONS`, those that the function takes.
      usual: whether it is the usual one of models that have no scores of their own.

    Raises:
      ValueError: `better`, a need or an option that there is not.
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
        """Whether temperature and truncation change what it scores."""
        return "features" in self.needs or bool({"temperature", "truncation"} & set(self.options))

    def fits(self, model) -> bool:
        """Whether `model` has what the metric needs of it.

        Args:
          model: a `ZooModel`, or what declares `has_images`, `scores`, `sampling_options` and `has_styles`
            as one does.
        """
        has = {
            "scores": self.name in model.scores,
            "images": model.has_images,
            "samples": model.sampling_options is not None,
            "styles": model.has_styles,
        }
        return all(has.get(need, True) for need in self.needs)

    def cost(self, value: float) -> float:
        """`value` as a number of which less is better; infinity if neither direction is.

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
    """Declares a function of a module of `metrics` to be a metric; nothing else lists it.

    All arguments are literals, since the register reads them from the source. See `Metric` for what they
    mean and how the function is called. It returns a dict with protocol, value, standard_error and
    num_examples; name and unit are put before them. A `unit` in the dict takes the place of the declared
    one, and the name of a feature `network` becomes part of the entry's name.

    Raises:
      ValueError: as `Metric`.

    >>> from latentzoo.metrics.metric import metric
    >>> @metric(unit="examples", better=None, needs=())
    ... def size(model, dataset, **settings):
    ...     return {"value": len(dataset), "network": "eyes"}
    >>> size(None, [1, 2, 3])
    {'name': 'size (eyes)', 'unit': 'examples', 'value': 3}
    """

    def decorate(function):
        name = function.__name__
        Metric(name, unit, better, needs, function, options, usual)  # checks the declaration

        @old_arguments(num="num_examples", num_samples="importance_samples")
        @functools.wraps(function)
        def entry(*args, **kwargs):
            result = function(*args, **kwargs)
            network = result.pop("network", None)
            return {"name": f"{name} ({network})" if network else name, "unit": unit, **result}

        return entry

    return decorate
