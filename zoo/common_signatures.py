"""The signatures that models of several families have alike."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from . import signatures
from .latents import served_finite
from .signatures import Signature, Tensors

# A model, whatever its family: its own file imports this one.
Model = Any


def events(model: Model) -> Tensors:
    """The declaration of a model's data: `images`, or the `vectors` of a flow on vectors."""
    return model.events.tensors()


def served_events(model: Model, values: tf.Tensor, cause: str) -> dict[str, tf.Tensor]:
    """What a server gives of a model's float events; others than finite ones are an error.

    Args:
      cause: the input to blame, such as "latents".
    """
    return {model.events.name: model.events.served(served_finite(values, cause))}


def sample(model: Model, function: Callable, scale: Tensors) -> Signature:
    """`sample` by a function of seeds and conditions, and of a temperature or truncation in between."""
    inputs = {**signatures.seeds(), **scale, **model.condition.tensors()}
    return Signature("sample", inputs, events(model), _of_condition(model, function))


def encode(model: Model) -> Signature:
    """`encode`."""

    def function(events, condition=None):
        return {"latents": model._encode(events, condition)}

    return of_events(model, "encode", function, signatures.encoded(model.latent_dim))


def decode(model: Model) -> Signature:
    """`decode`."""

    def function(latents, condition=None):
        return served_events(model, model._decode(latents, condition), "latents")

    inputs = {**signatures.latents(model.latent_dim), **model.condition.tensors()}
    return Signature("decode", inputs, events(model), _of_condition(model, function))


def of_events(model: Model, name: str, function: Callable, outputs: Tensors, seed: bool = False) -> Signature:
    """A signature by a function of events and conditions, and of seeds in between if `seed`."""
    seeds = signatures.seeds() if seed else {}
    inputs = {**events(model), **seeds, **model.condition.tensors()}
    return Signature(name, inputs, outputs, _of_condition(model, function))


def _of_condition(model, function):
    """`function`, which gets the last tensor as the model uses a condition, if it has one."""
    if not model.condition:
        return function
    return lambda *tensors: function(*tensors[:-1], model.condition.as_tensor(tensors[-1]))
