"""Pretrained networks that turn images into features, which metrics and projections compare."""

from .. import keras_backend as keras_backend
from .feature_network import FeatureNetwork, as_rgb
from .inception import InceptionV3
from .perceptual import perceptual_distance
from .register import NETWORKS, feature_network
from .squeezenet import SqueezeNet

__all__ = [
    "NETWORKS",
    "FeatureNetwork",
    "InceptionV3",
    "SqueezeNet",
    "as_rgb",
    "feature_network",
    "perceptual_distance",
]
