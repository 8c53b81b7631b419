"""Replaces the class head of a trained model, or adds one to an unconditional model."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator

import keras
import numpy as np

# The suffix that Keras appends to make layer names unique within a process.
_NUMBER = re.compile(r"_\d+(?=/|$)")


def with_new_classes(model: keras.Model, num_classes: int) -> keras.Model:
    """Returns a copy of a model of the zoo for `num_classes` new classes.

    Weights that do not depend on the classes are copied. The others are initialized as in a new model, with
    two exceptions that preserve what the model has learned:

    - averages per class (w of a StyleGAN) start from their mean over the old classes;
    - a dense layer whose inputs are the latents and the class keeps its weights for the latents, and starts
      with zeros for a class input that it did not have before.

    Args:
      model: the model, which is not changed.
      num_classes: number of classes, or 0 for a model without classes.

    Raises:
      ValueError: a negative number, or a model that does not support classes.
    """
    config = model.get_config()
    copy = type(model).from_config({**config, "num_classes": num_classes})
    shapes = _shapes(copy)
    if num_classes == model.num_classes and num_classes:
        other = type(model).from_config({**config, "num_classes": num_classes + 1})
        of_classes = {key for key, shape in _shapes(other).items() if shapes.get(key) != shape}
    else:
        of_classes = set()
    has_other_inputs = bool(num_classes) != bool(model.num_classes)
    old = {key: variable for key, variable, _ in _variables(model)}
    for key, variable, layer in _variables(copy):
        if key in old and key not in of_classes and old[key].shape == variable.shape:
            variable.assign(old[key])
        elif key in old and not variable.trainable:
            variable.assign(np.broadcast_to(_mean_of_classes(old[key], model.num_classes), variable.shape))
        elif key in old and has_other_inputs and _differs_in_inputs(old[key], variable):
            variable.assign(_for_inputs(keras.ops.convert_to_numpy(old[key]), variable.shape[0], layer))
    return copy


def _variables(model) -> Iterator[tuple[tuple[str, int], keras.Variable, keras.Layer]]:
    """Yields the weights of a model with their layers, under keys that are the same in every instance."""
    layers = {id(weight): layer for layer in model._flatten_layers() for weight in _own_weights(layer)}
    count = defaultdict(int)
    for variable in model.weights:
        path = _NUMBER.sub("", variable.path)
        yield (path, count[path]), variable, layers[id(variable)]
        count[path] += 1


def _own_weights(layer):
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _shapes(model):
    return {key: variable.shape for key, variable, _ in _variables(model)}


def _mean_of_classes(variable, num_classes):
    values = keras.ops.convert_to_numpy(variable)
    return values.mean(axis=0) if num_classes else values


def _differs_in_inputs(old, new):
    """Whether two kernels `[inputs, units]` differ only in the number of inputs."""
    return len(old.shape) == len(new.shape) == 2 and old.shape[1] == new.shape[1]


def _for_inputs(kernel: np.ndarray, inputs: int, layer: keras.Layer) -> np.ndarray:
    """Resizes a kernel `[n, units]` to `inputs` inputs, keeping the first ones."""
    if hasattr(layer, "lr_multiplier"):  # scaled by 1 / sqrt(inputs) at run time
        kernel = kernel * math.sqrt(inputs / len(kernel))
    fresh = np.zeros([inputs, kernel.shape[1]], kernel.dtype)
    shared = min(len(kernel), inputs)
    fresh[:shared] = kernel[:shared]
    return fresh
