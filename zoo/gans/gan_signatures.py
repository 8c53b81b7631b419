"""The signatures of exported GANs."""

import math
from typing import Protocol

import tensorflow as tf

from .. import common_signatures, signatures
from ..common_signatures import served_events
from ..signatures import FLOAT32, INT32, LARGEST, Signature, TensorInfo


class ServedGAN(common_signatures.Decoder, Protocol):
    """What the signatures need of a plain GAN."""

    def _sample(self, row_seeds: tf.Tensor, labels: tf.Tensor | None, /) -> tf.Tensor: ...


class ServedStyleGAN(common_signatures.Model, Protocol):
    """What the signatures need of a StyleGAN."""

    num_classes: int

    @property
    def latent_dim(self) -> int: ...
    @property
    def num_ws(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    def _sample(
        self, row_seeds: tf.Tensor, truncation: tf.Tensor, labels: tf.Tensor | None, /
    ) -> tf.Tensor: ...
    def _mapping(
        self, latents: tf.Tensor, labels: tf.Tensor | None, truncation: tf.Tensor, /
    ) -> tf.Tensor: ...
    def _synthesis(self, w: tf.Tensor, noise: str, /) -> tf.Tensor: ...


def gan_signatures(gan: ServedGAN) -> list[Signature]:
    """Returns `sample` and `decode`; those of a conditional model take `labels`."""

    def sample(seed, labels=None):
        return served_events(gan, gan._sample(seed, labels), "latents")

    return [common_signatures.sample(gan, sample, {}), common_signatures.decode(gan)]


def style_signatures(model: ServedStyleGAN) -> list[Signature]:
    """Returns `sample`, `mapping`, `synthesis` and the old signatures that they replace.

    Those of a conditional model take `labels`. `sample` draws the noise of each row from its `seed`; the
    others use the stored noise.
    """
    w = signatures.w(model.num_ws, model.w_dim)
    truncation, labels = signatures.truncations(), signatures.labels(model.num_classes)

    def sample(seed, truncation, labels=None):
        images = model._sample(seed, truncation[:, None, None], labels)
        return served_events(model, images, "truncation")

    def mapping(latents, truncation, labels=None):
        return {"w": model._mapping(latents, labels, truncation[:, None, None])}

    def synthesis(w):
        return served_events(model, model._synthesis(w, "const"), "w")

    mapped = Signature(
        "mapping", {**signatures.latents(model.latent_dim), **truncation, **labels}, w, mapping
    )
    synthesized = Signature("synthesis", w, common_signatures.events(model), synthesis)
    return [
        common_signatures.sample(model, sample, truncation),
        mapped,
        synthesized,
        *_replaced(mapped, synthesized),
    ]


def _replaced(mapping: Signature, synthesis: Signature) -> list[Signature]:
    """The old signatures `map`, `synthesize` and `style_mix`, in which w is flat and named `styles`.

    They share the graphs of the networks with the signatures that replace them.
    """
    shape = synthesis.inputs["w"].shape
    meaning = "w of a StyleGAN, flat"
    flat = TensorInfo(meaning, FLOAT32, (math.prod(shape),), -LARGEST, LARGEST)
    crossover = TensorInfo("how many styles are of `styles`", INT32, (), 0, shape[0])

    def map_(*inputs):
        return {"styles": tf.reshape(mapping.function(*inputs)["w"], [-1, *flat.shape])}

    def synthesize(styles):
        return synthesis.function(tf.reshape(styles, [-1, *shape]))

    def style_mix(styles, other_styles, crossover):
        first = tf.range(shape[0])[None, :, None] < crossover[:, None, None]
        both = (tf.reshape(batch, [-1, *shape]) for batch in (styles, other_styles))
        return synthesis.function(tf.where(first, *both))

    mixed = {"styles": flat, "other_styles": flat, "crossover": crossover}
    return [
        Signature("map", mapping.inputs, {"styles": flat}, map_, "mapping"),
        Signature("synthesize", {"styles": flat}, synthesis.outputs, synthesize, "synthesis"),
        Signature("style_mix", mixed, synthesis.outputs, style_mix, "synthesis"),
    ]
