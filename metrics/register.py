"""The register of metrics: all functions of this package that are declared with `@metric`.

Declarations are read from the source files, so that the command knows all metrics without importing
TensorFlow; a metric's module is imported when the metric is first called.
"""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..zoo import outline
from .metric import Declarations, Metric

PACKAGE = "latentzoo.metrics"


def find_metrics(folder: str | os.PathLike, package: str = PACKAGE) -> dict[str, Metric]:
    """Returns the metrics that the modules of a folder declare, by name, the usual one first.

    Args:
      folder: the folder of the modules.
      package: the package that they are imported from.

    Raises:
      ValueError: a declaration has an argument that is not a literal or not valid, or two metrics have the
        same name.

    >>> from latentzoo.metrics import METRICS
    >>> METRICS["bits_per_dim"].unit, METRICS["bits_per_dim"].better
    ('bits/dim', 'lower')
    """
    found = {}
    for path in sorted(Path(folder).glob("*.py")):
        for name, declaration in outline.decorated(path, "metric").items():
            if name in found:
                raise ValueError(f"'{path}' declares the metric {name}, which is already declared.")
            function = _imported_when_called(f"{package}.{path.stem}", name)
            found[name] = Metric(name=name, function=function, **declaration)
    return dict(sorted(found.items(), key=lambda item: (not item[1].usual, item[0])))


def _imported_when_called(module: str, name: str) -> Callable[..., dict[str, Any]]:
    def function(*args, **kwargs):
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    return function


METRICS = find_metrics(Path(__file__).parent)


def names_for(model: Declarations) -> tuple[str, ...]:
    """Returns the metrics that fit `model`: its own scores, the usual one first, then the others.

    Args:
      model: a `ZooModel`, or an object with the same declarations: see `Metric.fits`.
    """
    own = own_scores(model)
    return (*own, *(name for name, metric in METRICS.items() if name not in own and metric.fits(model)))


def own_scores(model: Declarations) -> tuple[str, ...]:
    """Returns the model's own `scores` that fit it, the usual one first."""
    return tuple(name for name in model.scores if METRICS[name].fits(model))


def metric_of(entry: dict[str, Any]) -> Metric | None:
    """Returns the metric of a recorded entry, whose name may end in a feature network; None if unknown.

    >>> from latentzoo.metrics.register import metric_of
    >>> metric_of({"name": "frechet_distance (squeezenet1.1)"}).better
    'lower'
    """
    return METRICS.get(entry["name"].partition(" (")[0])
