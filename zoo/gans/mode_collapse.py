"""Mode collapse: samples of a GAN that are much more alike than its data, which its losses do not show."""

import numpy as np

# Below this part of the data's variance the samples have collapsed.
ENOUGH = 0.1

# How many samples, and images of the data, have their variances compared.
NUM_COMPARED = 64


def find_mode_collapse(model, images: np.ndarray, labels: np.ndarray | None = None) -> str | None:
    """A warning if samples are much more alike than images of the data, or None.

    Their variances over the batch are compared, summed over pixels.

    Args:
      images: of the data, uint8 or float32 in [0, 1].
      labels: theirs, if the model has classes.
    """
    images, labels = images[:NUM_COMPARED], None if labels is None else labels[:NUM_COMPARED]
    reals = np.asarray(images, np.float64) / (255 if images.dtype == np.uint8 else 1)
    samples = np.asarray(model.sample(len(images), seed=0, labels=labels), np.float64)
    part = samples.var(axis=0).sum() / max(reals.var(axis=0).sum(), 1e-12)
    if part >= ENOUGH:
        return None
    return (
        f"mode collapse: samples have {part:.1%} of the data's variance; "
        "try a higher r1_gamma, or resume from an earlier checkpoint."
    )
