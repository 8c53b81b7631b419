"""Invertible maps: TFP bijectors of normalizing flows. Maths only: no weights, no Keras."""

from .actnorm import ActNorm
from .autoregressive import MaskedAutoregressive, autoregressive_masks
from .base import SinglePassBijector
from .batch_norm import BatchNorm
from .coupling import AdditiveCoupling, AffineCoupling, sigmoid_scale, tanh_scale
from .declarations import has_estimated_log_det, has_value_only, inverse_tolerance, mean_log_det
from .gaussian_bins import GaussianBins
from .histogram_equalisation import HistogramEqualisation
from .invertible_conv import PLU, InvertibleConv1x1
from .masks import AlternatingChannels, ChannelHalves, Checkerboard
from .multiscale import MultiScale
from .preprocess import centre, logit
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
    "HistogramEqualisation",
    "InvertibleConv1x1",
    "MaskedAutoregressive",
    "MultiScale",
    "PLU",
    "Repeat",
    "SinglePassBijector",
    "Squeeze",
    "autoregressive_masks",
    "centre",
    "has_estimated_log_det",
    "has_value_only",
    "inverse_tolerance",
    "logit",
    "mean_log_det",
    "sigmoid_scale",
    "tanh_scale",
]
