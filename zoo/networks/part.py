"""The base class of networks inside models: Keras layers that also save and load on their own."""

from typing import Any

import keras

from ..constructor_arguments import constructor_arguments


class Part(keras.layers.Layer):
    """A layer that keeps each constructor argument in an attribute of the same name.

    So Keras can save it alone, or in a functional model, such as an encoder under a classifier. A constructor
    argument named `draw`, a `keras.random.SeedGenerator`, is not kept: a loaded layer has its weights and
    needs no initialization.

    Inputs are not cast to the dtype policy: a part casts where it computes.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**constructor_arguments(self, skip=["draw"]), **super().get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Part":
        config = keras.saving.deserialize_keras_object(config)
        trainable = config.pop("trainable", True)
        part = cls(**config)
        part.trainable = trainable  # unlike the argument, also sets it on the layers inside
        return part
