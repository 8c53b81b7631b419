"""The base class of networks inside models: Keras layers that save, load and work in other models too."""

import keras

from ..constructor_arguments import constructor_arguments


class Part(keras.layers.Layer):
    """A layer that keeps each argument of its constructor in an attribute of that name.

    So Keras can save it alone, or in a functional model: an encoder under a classifier, for instance. What
    a constructor calls `draw`, a `keras.random.SeedGenerator`, is not kept: a layer that is loaded has its
    weights, and needs no numbers to start from.

    Inputs come as they are, whatever the dtype policy: a part casts where it computes.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def get_config(self):
        return {**constructor_arguments(self, skip=["draw"]), **super().get_config()}

    @classmethod
    def from_config(cls, config):
        config = keras.saving.deserialize_keras_object(config)
        trainable = config.pop("trainable", True)
        part = cls(**config)
        part.trainable = trainable  # reaches the layers inside, which an argument does not
        return part
