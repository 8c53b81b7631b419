"""Figures of the diagnostics, as PNG files."""

import os
from collections.abc import Sequence

import numpy as np

from ..zoo import folders


def save_histogram(
    values: dict[str, np.ndarray], label: str, path: str | os.PathLike, bins: int = 80
) -> None:
    """Writes histograms of several sets of numbers `[N]`, over each other, by their names.

    Args:
      label: of the horizontal axis.
      path: of the PNG.
    """
    figure, axes = _figure()
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    for name, numbers in values.items():
        axes.hist(numbers, edges, density=True, alpha=0.6, label=name)
    axes.set_xlabel(label)
    axes.set_ylabel("density")
    axes.legend()
    _save(figure, path)


def save_map(places: np.ndarray, labels: np.ndarray | None, path: str | os.PathLike) -> None:
    """Writes a map of places `[N, 2]`, coloured by label `[N]`, if there are labels."""
    figure, axes = _figure()
    if labels is None:
        axes.scatter(*places.T, s=4)
    else:
        for label in np.unique(labels):
            axes.scatter(*places[labels == label].T, s=4, label=str(label))
        axes.legend(markerscale=3, fontsize="small")
    axes.set_aspect("equal", "datalim")
    _save(figure, path)


def save_curves(
    places: Sequence[float], curves: dict[str, Sequence[float]], label: str, path: str | os.PathLike
) -> None:
    """Writes curves over the same places, by their names, from 0 to 1 upwards.

    Args:
      label: of the horizontal axis.
      path: of the PNG.
    """
    figure, axes = _figure()
    for name, heights in curves.items():
        axes.plot(places, heights, marker="o", label=name)
    axes.set_xlabel(label)
    axes.set_ylim(0, 1)
    axes.legend()
    _save(figure, path)


def save_history(records: Sequence[dict[str, float]], path: str | os.PathLike) -> None:
    """Writes what a training told against its steps, a small figure for each name; two in a row.

    Args:
      records: the lines of a metrics.jsonl, each with a "step".
      path: of the PNG.
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


def _figure():
    figure = _empty_figure(7, 5)
    return figure, figure.add_subplot()


def _empty_figure(width, height):
    # Figures of their own need no display, whatever the user's settings.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure, path):
    with folders.replacing(path) as scratch:
        figure.savefig(scratch, format="png", dpi=120, metadata={"Software": None})
