"""The configuration of layers and models: the arguments of their constructors, read from attributes."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import keras


def constructor_arguments(layer: keras.layers.Layer, skip: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the arguments that construct an equal layer, by name: the result of `get_config`.

    They are the parameters of the class's constructor. If it takes `**kwargs`, they are also the parameters
    with a default of its base classes' constructors, up to those of Keras: options that are passed on. Base
    class parameters without a default are not arguments: the subclass supplies them.

    Each value is that of the attribute with the parameter's name. Tuples become lists, as in JSON.

    Args:
      layer: a layer or a model.
      skip: parameters to omit.

    Raises:
      AttributeError: the layer has no attribute with the name of a parameter.

    >>> import keras
    >>> class Scaled(keras.layers.Layer):
    ...     def __init__(self, event_shape, scale=1.0, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.event_shape, self.scale = event_shape, scale
    >>> class ScaledImage(Scaled):
    ...     def __init__(self, image_shape, **kwargs):
    ...         super().__init__(image_shape, **kwargs)
    ...         self.image_shape = image_shape
    >>> constructor_arguments(ScaledImage((8, 8, 3), scale=0.5))
    {'image_shape': [8, 8, 3], 'scale': 0.5}
    """
    return {name: _plain(getattr(layer, name)) for name in _names(type(layer)) if name not in skip}


def _names(layer_class: type) -> Iterator[str]:
    constructors = [vars(base)["__init__"] for base in layer_class.__mro__ if _has_constructor(base)]
    seen: set[str] = set()
    for k, constructor in enumerate(constructors):
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        for parameter in named:
            if parameter.name not in seen and (k == 0 or parameter.default is not parameter.empty):
                yield parameter.name
        seen |= {parameter.name for parameter in named}
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            return


def _has_constructor(base):
    """Whether a class defines a constructor and is not one of Keras's."""
    return "__init__" in vars(base) and not issubclass(keras.Model, base)


def _plain(value):
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
