"""Networks and layers that several families of models use."""

from .. import keras_backend as keras_backend
