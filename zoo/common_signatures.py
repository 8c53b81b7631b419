"""The signatures that models of several families have alike."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from . import signatures
from .latents import served, served_finite
from .signatures import Signature, Tensors

# A model, whatever its family: its own file imports this one.
Model = Any


def events(model: Model) -> Tensors:
    """The declaration of a model's data: `images`, or the `vectors` of a flow on vectors."""
    shape = model.event_shape
    return signatures.images(shape) if len(shape) == 3 else signatures.vectors(*shape)


def served_events(model: Model, values: tf.Tensor, cause: str) -> dict[str, tf.Tensor]:
    """What a server gives of a model's float events; others than finite ones are an error.

    Args:
      cause: the input to blame, such as "latents".
    """
    (name,) = events(model)
    return {name: (served if name == "images" else served_finite)(values, cause)}


def sample(model: Model, function: Callable, scale: Tensors) -> Signature:
    """`sample` by a function of seeds and labels, and of a temperature or truncation in between."""
    inputs = {**signatures.seeds(), **scale, **signatures.labels(model.num_classes)}
    return Signature("sample", inputs, events(model), function)


def encode(model: Model) -> Signature:
    """`encode`."""

    def function(events, labels=None):
        return {"latents": model._encode(events, labels)}

    inputs = {**events(model), **signatures.labels(model.num_classes)}
    return Signature("encode", inputs, signatures.encoded(model.latent_size), function)


def decode(model: Model) -> Signature:
    """`decode`."""

    def function(latents, labels=None):
        return served_events(model, model._decode(latents, labels), "latents")

    inputs = {**signatures.latents(model.latent_size), **signatures.labels(model.num_classes)}
    return Signature("decode", inputs, events(model), function)


def of_events(model: Model, name: str, function: Callable, outputs: Tensors, seed: bool = False) -> Signature:
    """A signature by a function of events and labels, and of seeds in between if `seed`."""
    seeds = signatures.seeds() if seed else {}
    inputs = {**events(model), **seeds, **signatures.labels(model.num_classes)}
    return Signature(name, inputs, outputs, function)
