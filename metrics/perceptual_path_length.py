"""How much images change along a path between latents (Karras et al. 2019, section 4.1).

    E d(G(u_t), G(u_t+eps)) / eps^2,

u_t on the path between two latents, at a random place t ("full") or at its start ("end"); the great circle
between two z, the straight line between two w.
"""

import numpy as np

from ..data.batches import Data
from ..zoo.features.perceptual import PROTOCOL, perceptual_distance
from ..zoo.progress import Progress
from ..zoo.slerp import slerp
from .feature_sets import USUAL_NUM
from .latents import check_prior, draw_latents, draw_uniform, styles
from .metric import metric
from .per_example import numbered_seeds
from .samples import check_sampling, labels_like

EPSILON = 1e-4

# Lengths outside of these percentiles are left out, as in the paper's code.
_KEPT = (1, 99)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_z(model, dataset: Data, **settings) -> dict:
    """Full paths in Z, the normal latents; settings as `path_length`'s."""
    return path_length(model, dataset, space="z", at="full", **settings)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_z_end(model, dataset: Data, **settings) -> dict:
    """Starts of paths in Z."""
    return path_length(model, dataset, space="z", at="end", **settings)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples", "styles"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_w(model, dataset: Data, **settings) -> dict:
    """Full paths in W, the styles; of style models."""
    return path_length(model, dataset, space="w", at="full", **settings)


@metric(
    unit="squared distance",
    better="lower",
    needs=("images", "samples", "styles"),
    options=("temperature", "truncation"),
)
def perceptual_path_length_w_end(model, dataset: Data, **settings) -> dict:
    """Starts of paths in W; of style models."""
    return path_length(model, dataset, space="w", at="end", **settings)


def path_length(
    model,
    dataset: Data,
    *,
    space: str,
    at: str,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    **sampling,
) -> dict:
    """The mean over `num_examples` paths, with its standard error.

    Both images of a pair have the same noise and label. Path i is drawn from (seed, i) alone.

    Args:
      model: any that decodes standard normal latents; for W, a style model.
      dataset: gives the labels of a conditional model, no more.
      space: "z" or "w".
      at: "full" or "end".
      num_examples: None: 10,000.
      sampling: `truncation` of a style model.

    Raises:
      ValueError: a model with another prior, or one that does not compute in float32; an option other than a
        style model's truncation.

    Returns a dict with name, value, standard_error, unit, num_examples, protocol.
    """
    check_prior(model)
    _check_precision(model)
    num_examples = num_examples or USUAL_NUM
    sampling = _check_truncation(model, sampling)
    labels = labels_like(model, dataset, num_examples, seed)
    bar = Progress(num_examples, "paths", verbose)
    lengths = []
    for first in range(0, num_examples, batch_size):
        rows = numbered_seeds(seed, first, batch_size)
        classes = None if labels is None else np.resize(labels[first:], batch_size)
        t = draw_uniform(rows, 2) if at == "full" else np.zeros([batch_size, 1], np.float32)
        images = _pairs(model, rows, t, space, classes, sampling)
        distances = np.asarray(perceptual_distance(*np.split(images, 2)), np.float64)
        lengths.append((distances / EPSILON**2)[: num_examples - first])
        bar.add(len(lengths[-1]))
    kept = trimmed(np.concatenate(lengths))
    options = "".join(f", {name} {value:g}" for name, value in sampling.items())
    return {
        "network": "squeezenet1.1",
        "protocol": (
            f"samples alone, distance of {PROTOCOL}; {num_examples} paths, epsilon {EPSILON:g}, "
            f"percentiles {_KEPT[0]} to {_KEPT[1]}, seed {seed}{options}"
        ),
        "value": float(kept.mean()),
        "standard_error": float(kept.std(ddof=1) / np.sqrt(len(kept))) if len(kept) > 1 else None,
        "num_examples": num_examples,
    }


def trimmed(lengths: np.ndarray) -> np.ndarray:
    """The lengths from the 1st to the 99th percentile."""
    low = np.percentile(lengths, _KEPT[0], method="lower")
    high = np.percentile(lengths, _KEPT[1], method="higher")
    return lengths[(lengths >= low) & (lengths <= high)]


def _pairs(model, rows, t, space, labels, sampling):
    """Images `[2 n, H, W, C]` at the places t, then at t + epsilon."""
    ends = [draw_latents(model, rows, stream) for stream in (0, 1)]
    twice = None if labels is None else np.tile(labels, 2)
    places = (t, t + np.float32(EPSILON))
    if space == "z":
        z = np.concatenate([slerp(*ends, place) for place in places]).astype(np.float32)
        if not model.has_styles:
            return np.asarray(model.decode(z, twice))
        w = styles(model, z, twice, sampling)
    else:
        a, b = (styles(model, z, labels, sampling) for z in ends)
        w = np.concatenate([a + (b - a) * place[:, :, None] for place in places])
    return np.asarray(model.synthesis(w, noise="random", seed=np.tile(rows, [2, 1])))


def _check_precision(model):
    dtype = model.compute_dtype
    if dtype != "float32":
        raise ValueError(
            f"model: got one that computes in {dtype}, expected float32: "
            f"steps of {EPSILON:g} drown in its rounding."
        )


def _check_truncation(model, sampling):
    sampling = check_sampling(model, sampling)
    for name, value in sampling.items():
        if name != "truncation":
            raise ValueError(f"{name}: got {value}, expected none: paths are of the prior itself.")
    return sampling
