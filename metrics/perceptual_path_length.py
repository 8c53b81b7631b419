"""How much images change along a path between latents (Karras et al. 2019, section 4.1).

    E d(G(u_t), G(u_t+eps)) / eps^2,

where u_t is on the path between two latents, at a random position t ("full") or at its start ("end"). The
path is the great circle between two z, or the straight line between two w.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.batches import Data
from ..zoo.features.perceptual import PROTOCOL, perceptual_distance
from ..zoo.model import ZooModel
from ..zoo.progress import Progress
from ..zoo.slerp import slerp
from .feature_sets import USUAL_NUM
from .latents import check_prior, draw_latents, draw_uniform, styles
from .metric import metric
from .per_example import numbered_seeds
from .samples import batch_of_labels, check_sampling, describe_options, labels_like
from .standard_errors import standard_error

EPSILON = 1e-4

# Lengths outside these percentiles are discarded, as in the paper's code.
_KEPT = (1, 99)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_z(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """Full paths in Z, the normal latents; settings as in `path_length`."""
    return path_length(model, dataset, space="z", at="full", **settings)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_z_end(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """Starts of paths in Z; settings as in `path_length`."""
    return path_length(model, dataset, space="z", at="end", **settings)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples", "styles"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_w(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """Full paths in W, the styles of a style model; settings as in `path_length`."""
    return path_length(model, dataset, space="w", at="full", **settings)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples", "styles"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_w_end(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """Starts of paths in W, the styles of a style model; settings as in `path_length`."""
    return path_length(model, dataset, space="w", at="end", **settings)


def path_length(
    model: ZooModel,
    dataset: Data,
    *,
    space: str,
    at: str,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    **sampling: float | None,
) -> dict[str, Any]:
    """The mean over `num_examples` paths.

    Both images of a pair have the same noise and label. Path i depends only on (seed, i).

    Args:
      model: a model that decodes standard normal latents; for w, a style model.
      dataset: only gives the labels of a conditional model.
      space: "z" or "w".
      at: "full" or "end".
      num_examples: None: 10,000.
      sampling: `truncation` of a style model.

    Raises:
      ValueError: the model has another prior or does not compute in float32, or an option is not the
        truncation of a style model.

    Returns a dict with name, value, standard_error (over paths), unit, num_examples, protocol.
    """
    check_prior(model)
    _check_precision(model)
    num_examples = num_examples or USUAL_NUM
    options = _check_truncation(model, sampling)
    labels = labels_like(model, dataset, num_examples, seed)
    bar = Progress(num_examples, "paths", verbose)
    lengths = []
    for first in range(0, num_examples, batch_size):
        rows = numbered_seeds(seed, first, batch_size)
        t = draw_uniform(rows, 2) if at == "full" else np.zeros([batch_size, 1], np.float32)
        images = _pairs(model, rows, t, space, batch_of_labels(labels, first, batch_size), options)
        distances = np.asarray(perceptual_distance(*np.split(images, 2)), np.float64)
        lengths.append((distances / EPSILON**2)[: num_examples - first])
        bar.add(len(lengths[-1]))
    kept = trimmed(np.concatenate(lengths))
    return {
        "network": "squeezenet1.1",
        "protocol": (
            f"samples alone, distance of {PROTOCOL}; {num_examples} paths, epsilon {EPSILON:g}, "
            f"percentiles {_KEPT[0]} to {_KEPT[1]}, seed {seed}{describe_options(options)}"
        ),
        "value": float(kept.mean()),
        "standard_error": standard_error(kept),
        "num_examples": num_examples,
    }


def trimmed(lengths: np.ndarray) -> np.ndarray:
    """Returns the lengths from the 1st to the 99th percentile."""
    low = np.percentile(lengths, _KEPT[0], method="lower")
    high = np.percentile(lengths, _KEPT[1], method="higher")
    return lengths[(lengths >= low) & (lengths <= high)]


def _pairs(model, rows, t, space, labels, options):
    """Images `[2 n, H, W, C]` at the positions t, then at t + epsilon."""
    z_a, z_b = (draw_latents(model, rows, stream) for stream in (0, 1))
    twice = None if labels is None else np.concatenate([labels, labels])
    positions = (t, t + np.float32(EPSILON))
    if space == "z":
        z = np.concatenate([slerp(z_a, z_b, position) for position in positions]).astype(np.float32)
        if not model.has_styles:
            return np.asarray(model.decode(z, **model.condition.keywords(twice)))
        w = styles(model, z, twice, options)
    else:
        a, b = (styles(model, z, labels, options) for z in (z_a, z_b))
        w = np.concatenate([a + (b - a) * position[:, :, None] for position in positions])
    return np.asarray(model.synthesis(w, noise="random", seed=np.tile(rows, [2, 1])))


def _check_precision(model: ZooModel) -> None:
    dtype = model.compute_dtype
    if dtype != "float32":
        raise ValueError(
            f"model: got one that computes in {dtype}, expected float32: "
            f"steps of {EPSILON:g} drown in its rounding."
        )


def _check_truncation(model: ZooModel, sampling: Mapping[str, float | None]) -> dict[str, float]:
    options = check_sampling(model, sampling)
    for name, value in options.items():
        if name != "truncation":
            raise ValueError(f"{name}: got {value}, expected none: paths are of the prior itself.")
    return options
