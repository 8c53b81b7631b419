"""Clients of a model on TF Serving: over gRPC, and over REST with nothing but the standard library.

    from latentzoo.export import client
    with client.Grpc("glow-fashion-mnist", "localhost:8500") as model:
        images = model.sample(16, seed=0, temperature=0.7)  # uint8 [16, 28, 28, 1]

The methods are those of the models in Keras, over NumPy arrays, and images are uint8. The same seed
gives the same images as `model.sample`. What a model can be asked for, and with which options, is read
from the server: its signatures decide, not the name of a family.
"""

from .base import Client
from .grpc_client import Grpc
from .rest_client import Rest

__all__ = ["Client", "Grpc", "Rest"]
