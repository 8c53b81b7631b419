"""Invertible maps: TFP bijectors of normalizing flows. Maths only: no weights, no Keras."""

import warnings

from .actnorm import ActNorm
from .autoregressive import MaskedAutoregressive, autoregressive_masks
from .base import SinglePassBijector
from .batch_norm import BatchNorm
from .coupling import AdditiveCoupling, AffineCoupling, sigmoid_scale, tanh_scale
from .declarations import has_estimated_log_det, has_value_only, inverse_tolerance, mean_log_det
from .fixed_point import fixed_point
from .gaussian_bins import GaussianBins
from .histogram_equalization import HistogramEqualization
from .invertible_conv import PLU, InvertibleConv1x1
from .masks import AlternatingChannels, ChannelHalves, Checkerboard
from .multiscale import MultiScale
from .preprocess import center, logit
from .repeat import Repeat
from .squeeze import Squeeze

__all__ = [
    "ActNorm",
    "AdditiveCoupling",
    "AffineCoupling",
    "AlternatingChannels",
    "BatchNorm",
    "ChannelHalves",
    "Checkerboard",
    "GaussianBins",
    "HistogramEqualization",
    "InvertibleConv1x1",
    "MaskedAutoregressive",
    "MultiScale",
    "PLU",
    "Repeat",
    "SinglePassBijector",
    "Squeeze",
    "autoregressive_masks",
    "center",
    "fixed_point",
    "has_estimated_log_det",
    "has_value_only",
    "inverse_tolerance",
    "logit",
    "mean_log_det",
    "sigmoid_scale",
    "tanh_scale",
]

_OLD_NAMES = {"HistogramEqualisation": "HistogramEqualization", "centre": "center"}


def __getattr__(name):
    if name not in _OLD_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = _OLD_NAMES[name]
    message = f"{name} is {new} now; the old name goes with version 0.2."
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return globals()[new]
