"""The alarms of a training that goes wrong without its loss telling: posterior and mode collapse."""

import warnings
from collections.abc import Callable

import numpy as np

from ..metrics.active_units import active_units, collapse
from .callbacks import StepCallback, averaged_weights

# Below this part of the data's variance the samples of a GAN have collapsed.
ENOUGH = 0.1

# How many samples, and images of the data, have their variances compared.
COMPARED = 64


class CollapseAlarm(StepCallback):
    """After every `every` steps and the last, warns if `find()` finds a collapse.

    Args:
      every, last: steps.
      find: gives a sentence, or None if all is well; called with the averaged weights in place.
    """

    def __init__(self, every: int, last: int, find: Callable[[], str | None]):
        super().__init__()
        self.every, self.last = every, last
        self.find = find

    def at_step(self, step, logs):
        if step % self.every and step != self.last:
            return
        with averaged_weights(self.model):
            sentence = self.find()
        if sentence:
            warnings.warn(f"step {step}: {sentence}", stacklevel=2)


def find_posterior_collapse(model, dataset, num: int, seed: int = 0) -> str | None:
    """A warning if hardly a latent dimension of a VAE is used, or None. See `metrics.active_units`."""
    return collapse(active_units(model, dataset, num=num, seed=seed, verbose=False))


def find_mode_collapse(model, images: np.ndarray, labels: np.ndarray | None) -> str | None:
    """A warning if samples are much more alike than images of the data, or None.

    Their variances over the batch are compared, summed over pixels.

    Args:
      images: of the data, uint8 or float32 in [0, 1].
      labels: theirs, if the model has classes.
    """
    images, labels = images[:COMPARED], None if labels is None else labels[:COMPARED]
    reals = np.asarray(images, np.float64) / (255 if images.dtype == np.uint8 else 1)
    samples = np.asarray(model.sample(len(images), seed=0, labels=labels), np.float64)
    part = samples.var(axis=0).sum() / max(reals.var(axis=0).sum(), 1e-12)
    if part >= ENOUGH:
        return None
    return (
        f"mode collapse: samples have {part:.1%} of the data's variance; "
        "try a higher r1_gamma, or go on from an earlier checkpoint."
    )
