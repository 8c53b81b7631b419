"""The register of metrics: every function of this package that is declared with `@metric`.

The declarations are read from the sources, so that the command knows all metrics without TensorFlow; a
metric's module is imported when the metric is first called.
"""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..zoo import outline
from .metric import Metric


def find_metrics(folder: str | os.PathLike, package: str = __package__) -> dict[str, Metric]:
    """The metrics that the modules of a folder declare, by name, the usual one first.

    Args:
      folder: of the modules.
      package: that they are imported from.

    Raises:
      ValueError: a declaration that is no literal or has a wrong value, or two of one name.

    >>> from latentzoo.metrics import METRICS
    >>> METRICS["bits_per_dim"].unit, METRICS["bits_per_dim"].better
    ('bits/dim', 'lower')
    """
    found = {}
    for path in sorted(Path(folder).glob("*.py")):
        for name, declaration in outline.decorated(path, "metric").items():
            if name in found:
                raise ValueError(f"'{path}' declares the metric {name}, which there is already.")
            function = _imported_when_called(f"{package}.{path.stem}", name)
            found[name] = Metric(name=name, function=function, **declaration)
    return dict(sorted(found.items(), key=lambda item: (not item[1].usual, item[0])))


def _imported_when_called(module: str, name: str) -> Callable[..., dict[str, Any]]:
    def function(*args, **kwargs):
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    return function


METRICS = find_metrics(Path(__file__).parent)


def names_for(model) -> tuple[str, ...]:
    """The metrics that `model` can be scored by: its own scores, the usual one first; then the others.

    Args:
      model: a `ZooModel`, or what declares what it can do as one does: see `Metric.fits`.
    """
    own = own_scores(model)
    return (*own, *(name for name, metric in METRICS.items() if name not in own and metric.fits(model)))


def own_scores(model) -> tuple[str, ...]:
    """Those of the model's `scores` that fit it, the usual one first."""
    return tuple(name for name in model.scores if METRICS[name].fits(model))


def metric_of(entry: dict[str, Any]) -> Metric | None:
    """The metric of a recorded entry, whose name may end in that of a feature network; None: not one of ours.

    >>> from latentzoo.metrics.register import metric_of
    >>> metric_of({"name": "frechet_distance (squeezenet1.1)"}).better
    'lower'
    """
    return METRICS.get(entry["name"].partition(" (")[0])
