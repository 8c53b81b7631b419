"""Feature networks by name."""

import functools

from ..registry import suggest
from .feature_network import FeatureNetwork
from .inception import InceptionV3
from .squeezenet import SqueezeNet

# The first is the default.
NETWORKS = {network.name: network for network in (SqueezeNet, InceptionV3)}


@functools.cache
def feature_network(name: str = SqueezeNet.name) -> FeatureNetwork:
    """Returns the feature network of this name, squeezenet1.1 or inception_v3, creating it once.

    Raises:
      ValueError: the name is unknown.
      OSError: its weights are missing or cannot be downloaded.

    >>> from latentzoo.zoo.features import feature_network
    >>> feature_network().num_features
    512
    """
    if name not in NETWORKS:
        raise ValueError(f"network must be a feature network, got {name!r}: {suggest(str(name), NETWORKS)}")
    return NETWORKS[name]()
