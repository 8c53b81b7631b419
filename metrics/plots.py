"""Figures of diagnostics, as PNG files."""

import os
from collections.abc import Sequence

import numpy as np

from ..zoo import folders

_MOST_NAMED = 40  # classes that fit in a legend


def save_histogram(
    values: dict[str, np.ndarray], label: str, path: str | os.PathLike, bins: int = 80, title: str = ""
) -> None:
    """Writes overlaid histograms of several sets of numbers `[N]`.

    Args:
      values: the numbers, by the name of the set.
      label: label of the horizontal axis.
      path: PNG to write.
      bins: number of bins.
      title: title of the figure.
    """
    figure, axes = _figure(title)
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    for name, numbers in values.items():
        axes.hist(numbers, edges.tolist(), density=True, alpha=0.6, label=name)
    axes.set_xlabel(label)
    axes.set_ylabel("density")
    axes.legend()
    _save(figure, path)


def save_map(
    points: np.ndarray,
    labels: np.ndarray | None,
    path: str | os.PathLike,
    *,
    class_names: Sequence[str] = (),
    title: str = "",
    axis: str = "",
) -> None:
    """Writes a scatter plot of points `[N, 2]`, colored by label `[N]` if there are labels.

    Args:
      path: PNG to write.
      class_names: the names of the labels 0, 1, ...; if empty, the legend has numbers.
      title: title of the figure.
      axis: the name of the axes, which are numbered: "x" becomes "x 1" and "x 2".
    """
    figure, axes = _figure(title)
    if labels is None:
        axes.scatter(*points.T, s=4)
    else:
        colors = _colors(len(np.unique(labels)))
        for label, color in zip(np.unique(labels), colors, strict=True):
            name = class_names[label] if label < len(class_names) else str(label)
            axes.scatter(*points[labels == label].T, s=4, color=color, label=name)
        if len(colors) <= _MOST_NAMED:
            axes.legend(markerscale=3, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_aspect("equal", "datalim")
    if axis:
        axes.set_xlabel(f"{axis} 1")
        axes.set_ylabel(f"{axis} 2")
    _save(figure, path)


def save_curves(
    x: Sequence[float],
    curves: dict[str, Sequence[float]],
    label: str,
    path: str | os.PathLike,
    title: str = "",
) -> None:
    """Writes curves with values from 0 to 1.

    Args:
      x: horizontal coordinates of the points of all curves.
      curves: the values, by the name of the curve.
      label: label of the horizontal axis.
      path: PNG to write.
      title: title of the figure.
    """
    figure, axes = _figure(title)
    for name, y in curves.items():
        axes.plot(x, y, marker="o", label=name)
    axes.set_xlabel(label)
    axes.set_ylim(0, 1)
    axes.legend()
    _save(figure, path)


def save_history(records: Sequence[dict[str, float]], path: str | os.PathLike) -> None:
    """Writes plots of the logged metrics of a training run against its steps, two per row.

    Args:
      records: the lines of a metrics.jsonl, each with a "step".
      path: PNG to write.
    """
    skipped = {"step", "standard_error", "num_examples"}
    names = list(dict.fromkeys(name for record in records for name in record if name not in skipped))
    rows = -(-len(names) // 2)
    figure = _empty_figure(7, 1 + 1.6 * rows)
    for place, name in enumerate(names, 1):
        points = [(record["step"], record[name]) for record in records if name in record]
        axes = figure.add_subplot(rows, 2, place)
        axes.plot(*zip(*points, strict=True), marker=".")
        axes.set_title(name, fontsize="medium")
    figure.supxlabel("step")
    _save(figure, path)


def _colors(count):
    from matplotlib import colormaps

    return [
        colormaps["tab10" if count <= 10 else "turbo"](k if count <= 10 else k / count) for k in range(count)
    ]


def _figure(title):
    figure = _empty_figure(7, 5)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize="medium", wrap=True)
    return figure, axes


def _empty_figure(width, height):
    # Without pyplot, a figure needs no display, whatever the user's settings.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure, path):
    with folders.replacing(path) as scratch:
        figure.savefig(scratch, format="png", dpi=120, metadata={"Software": None})
