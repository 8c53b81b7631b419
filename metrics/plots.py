"""Figures of the diagnostics, as PNG files."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np


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


def _figure():
    # Figures of their own need no display, whatever the user's settings.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _save(figure, path):
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
