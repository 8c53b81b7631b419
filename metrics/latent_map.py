"""A two-dimensional map of latents, for plots."""

import numpy as np

METHODS = ("pca", "tsne")


def latent_map(latents: np.ndarray, method: str = "pca", seed: int = 0) -> np.ndarray:
    """Maps latents `[N, D]` to two dimensions, float64 `[N, 2]`, centered.

    Args:
      method: "pca", the two directions of largest variance (deterministic, including signs), or "tsne" (van
        der Maaten & Hinton 2008), which keeps neighbors together. Two-dimensional latents are only centered.
      seed: seed of t-SNE.

    Raises:
      ValueError: the method is unknown, or there are fewer than 3 latents or only one dimension.

    >>> import numpy as np
    >>> from latentzoo.metrics.latent_map import latent_map
    >>> line = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0], [6.0, 8.0, 0.0]])
    >>> latent_map(line)[:, 0].round(6).tolist()
    [-5.0, 0.0, 5.0]
    """
    latents = np.asarray(latents, np.float64)
    if method not in METHODS:
        raise ValueError(f"method: got {method!r}, expected any of {', '.join(METHODS)}.")
    if latents.ndim != 2 or len(latents) < 3 or latents.shape[1] < 2:
        raise ValueError(
            f"latents have shape {latents.shape}, expected [N, D] with N at least 3 and D at least 2."
        )
    latents = latents - latents.mean(axis=0)
    if latents.shape[1] == 2:
        return latents
    if method == "pca":
        return _principal(latents, 2)
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(latents) - 1) / 3)
    # Beyond 50 dimensions, t-SNE is slow and its distances are mostly noise.
    start = _principal(latents, 50) if latents.shape[1] > 50 else latents
    points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(start)
    return points.astype(np.float64) - points.mean(axis=0)


def _principal(centered, count):
    """Coordinates along the directions of largest variance; the largest entry of each is positive."""
    _, _, directions = np.linalg.svd(centered, full_matrices=False)
    directions = directions[:count]
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    return centered @ (directions * signs[:, None]).T
