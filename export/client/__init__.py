"""Clients for models on TF Serving: over gRPC, and over REST with only the standard library and NumPy.

    from latentzoo.export import client
    with client.Grpc("glow-fashion-mnist", "localhost:8500") as model:
        images = model.sample(16, seed=0, temperature=0.7)  # uint8 [16, 28, 28, 1]

The methods are those of the Keras models, on NumPy arrays, and images are uint8. A seed gives the same
images as `model.sample`. The server's signatures determine which methods and options a model has.
"""

from .base import Client
from .grpc_client import Grpc
from .rest_client import Rest

__all__ = ["Client", "Grpc", "Rest"]
