"""Signatures that several families share."""

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

from . import signatures
from .conditions import Condition
from .events import Events
from .latents import served_finite
from .signatures import Signature, Tensors


class Model(Protocol):
    """What all of these signatures need of a model, whose file imports this one."""

    @property
    def events(self) -> Events: ...
    @property
    def condition(self) -> Condition: ...


class Decoder(Model, Protocol):
    """A model with latents."""

    @property
    def latent_dim(self) -> int: ...
    def _decode(self, latents: tf.Tensor, condition: tf.Tensor | None, /) -> tf.Tensor: ...


class Coder(Decoder, Protocol):
    """A model that also encodes events."""

    def _encode(self, events: tf.Tensor, condition: tf.Tensor | None, /) -> tf.Tensor: ...


def events(model: Model) -> Tensors:
    """Declares a model's data: `images`, or the `vectors` of a flow on vectors."""
    return model.events.tensors()


def served_events(model: Model, values: tf.Tensor, cause: str) -> dict[str, tf.Tensor]:
    """Returns a model's float events as a server gives them, after a check that they are finite.

    Args:
      cause: the input that an error names, such as "latents".
    """
    return {model.events.name: model.events.served(served_finite(values, cause))}


def sample(model: Model, function: Callable, scale: Tensors) -> Signature:
    """Returns `sample`, from a function of seeds, a temperature or truncation (if any), and conditions."""
    inputs = {**signatures.seeds(), **scale, **model.condition.tensors()}
    return Signature("sample", inputs, events(model), _of_condition(model, function))


def encode(model: Coder) -> Signature:
    """Returns `encode`."""

    def function(events, condition=None):
        return {"latents": model._encode(events, condition)}

    return of_events(model, "encode", function, signatures.encoded(model.latent_dim))


def decode(model: Decoder) -> Signature:
    """Returns `decode`."""

    def function(latents, condition=None):
        return served_events(model, model._decode(latents, condition), "latents")

    inputs = {**signatures.latents(model.latent_dim), **model.condition.tensors()}
    return Signature("decode", inputs, events(model), _of_condition(model, function))


def of_events(model: Model, name: str, function: Callable, outputs: Tensors, seed: bool = False) -> Signature:
    """Returns a signature from a function of events, of seeds if `seed`, and of conditions."""
    seeds = signatures.seeds() if seed else {}
    inputs = {**events(model), **seeds, **model.condition.tensors()}
    return Signature(name, inputs, outputs, _of_condition(model, function))


def _of_condition(model, function):
    """`function`, with its last tensor converted to the model's condition, if it has one."""
    if not model.condition:
        return function
    return lambda *tensors: function(*tensors[:-1], model.condition.as_tensor(tensors[-1]))
