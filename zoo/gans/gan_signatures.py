"""The signatures of exported GANs."""

import math
from typing import TYPE_CHECKING

import tensorflow as tf

from .. import signatures
from ..latents import served
from ..signatures import Signature

if TYPE_CHECKING:
    from .adversarial import AdversarialModel
    from .style_model import StyleModel


def gan_signatures(gan: "AdversarialModel") -> list[Signature]:
    """sample and decode; a conditional model takes `labels`."""
    labels = signatures.labels(gan.num_classes)

    def sample(seed, labels=None):
        return {"images": served(gan._sample(seed, labels), "latents")}

    def decode(latents, labels=None):
        return {"images": served(gan._decode(latents, labels), "latents")}

    return [
        Signature("sample", {"seed": signatures.seeds(), **labels}, sample),
        Signature("decode", {"latents": signatures.latents(gan.latent_dim), **labels}, decode),
    ]


def style_signatures(model: "StyleModel") -> list[Signature]:
    """sample, map, synthesize and style_mix; a conditional model takes `labels`.

    Noise is each row's own, drawn from its `seed`, in `sample`, and the stored one in the others. `styles`
    are w, flat: `[B, num_ws * w_dim]`. `style_mix` takes the first `crossover` styles from `styles`, the
    others from `other_styles`.
    """
    labels = signatures.labels(model.num_classes)
    shape = (model.num_ws, model.w_dim)
    styles = signatures.latents(math.prod(shape))
    truncation = {"truncation": signatures.temperatures()}

    def unflatten(styles):
        return tf.reshape(styles, [-1, *shape])

    def sample(seed, truncation, labels=None):
        return {"images": served(model._sample(seed, truncation[:, None, None], labels), "truncation")}

    def map_(latents, truncation, labels=None):
        w = model._mapping(latents, labels, truncation[:, None, None])
        return {"styles": tf.reshape(w, [-1, math.prod(shape)])}

    def synthesize(styles):
        return {"images": served(model._synthesis(unflatten(styles), "const"), "styles")}

    def style_mix(styles, other_styles, crossover):
        first = tf.range(model.num_ws)[None, :, None] < crossover[:, None, None]
        return synthesize(tf.where(first, unflatten(styles), unflatten(other_styles)))

    crossover = signatures.Input(
        (), tf.int32, 0, f"from 0 to {model.num_ws}", lambda x: (x >= 0) & (x <= model.num_ws)
    )
    return [
        Signature("sample", {"seed": signatures.seeds(), **truncation, **labels}, sample),
        Signature("map", {"latents": signatures.latents(model.latent_dim), **truncation, **labels}, map_),
        Signature("synthesize", {"styles": styles}, synthesize),
        Signature("style_mix", {"styles": styles, "other_styles": styles, "crossover": crossover}, style_mix),
    ]
