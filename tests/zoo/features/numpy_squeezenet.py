"""SqueezeNet 1.1 once more, in NumPy and float64, by its definition: what TensorFlow's is held against."""

from collections.abc import Mapping

import numpy as np


def forward(weights: Mapping[str, np.ndarray], images: np.ndarray) -> dict[str, np.ndarray]:
    """The maps of each layer, `[N, h, w, c]`, for RGB images from 0 to 255; and "features", "logits".

    Args:
      weights: `<layer>/kernel` (HWIO) and `<layer>/bias`.
    """
    blue_first = images.astype(np.float64)[..., [2, 1, 0]] - [103.939, 116.779, 123.68]
    maps = {"conv1": _convolve(weights, "conv1", blue_first, stride=2)}
    h = _pool(maps["conv1"])
    for number in range(2, 10):
        if number in (4, 6):
            h = _pool(h)
        squeezed = _convolve(weights, f"fire{number}/squeeze1x1", h)
        one = _convolve(weights, f"fire{number}/expand1x1", squeezed)
        padded = np.pad(squeezed, [[0, 0], [1, 1], [1, 1], [0, 0]])
        three = _convolve(weights, f"fire{number}/expand3x3", padded)
        h = maps[f"fire{number}"] = np.concatenate([one, three], axis=-1)
    maps["features"] = h.mean(axis=(1, 2))
    maps["logits"] = _convolve(weights, "conv10", h).mean(axis=(1, 2))
    return maps


def _windows(h, size, stride):
    """`[N, h, w, c, size, size]`, no padding."""
    windows = np.lib.stride_tricks.sliding_window_view(h, [size, size], axis=(1, 2))
    return windows[:, ::stride, ::stride]


def _convolve(weights, name, h, stride=1):
    kernel = weights[f"{name}/kernel"].astype(np.float64)
    sums = np.einsum("nhwcij,ijco->nhwo", _windows(h, len(kernel), stride), kernel, optimize=True)
    return np.maximum(sums + weights[f"{name}/bias"].astype(np.float64), 0)


def _pool(h):
    return _windows(h, 3, 2).max(axis=(-2, -1))
