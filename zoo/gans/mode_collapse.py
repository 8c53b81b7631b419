"""Mode collapse: samples vary much less than the data, which the losses of a GAN do not show."""

import keras
import numpy as np

# Samples with less than this fraction of the data's variance have collapsed.
ENOUGH = 0.1

# Number of samples and of images whose variances are compared.
NUM_COMPARED = 64


def find_mode_collapse(
    model: keras.Model, images: np.ndarray, labels: np.ndarray | None = None
) -> str | None:
    """Returns a warning if samples vary much less than the data, or None.

    Compares the variances over the batch, summed over pixels.

    Args:
      model: a GAN.
      images: images of the data, uint8 or float32 in [0, 1].
      labels: their labels, for a conditional model.
    """
    images, labels = images[:NUM_COMPARED], None if labels is None else labels[:NUM_COMPARED]
    reals = np.asarray(images, np.float64) / (255 if images.dtype == np.uint8 else 1)
    samples = np.asarray(model.sample(len(images), seed=0, labels=labels), np.float64)
    ratio = samples.var(axis=0).sum() / max(reals.var(axis=0).sum(), 1e-12)
    if ratio >= ENOUGH:
        return None
    return (
        f"mode collapse: samples have {ratio:.1%} of the data's variance; "
        "try a higher r1_gamma, or resume from an earlier checkpoint."
    )
