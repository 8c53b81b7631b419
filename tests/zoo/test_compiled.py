"""Batches of other sizes are not traced again."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.compiled import compiled
from latentzoo.zoo.flows import RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN2
from latentzoo.zoo.vaes import VAE

SHAPE = {"image_shape": (8, 8, 1)}
MODELS = {
    "flow": lambda: RealNVP(event_shape=(2,), depth=1, width=4, blocks=0, num_classes=2),
    "vae": lambda: VAE(**SHAPE, latent_dim=3, levels=1, width=4, num_classes=2),
    "gan": lambda: GAN(**SHAPE, latent_dim=3, levels=1, width=4, num_classes=2),
    "style model": lambda: StyleGAN2(
        **SHAPE, latent_dim=4, w_dim=4, channel_base=32, channel_max=4, num_classes=2
    ),
}


class Model:
    traces = 0

    @compiled
    def scaled(self, x, factor, kind=None):
        self.traces += 1
        return (x * factor, kind) if kind else x * factor


def test_one_trace_for_all_sizes_and_another_for_another_dtype_or_constant():
    model, factor = Model(), tf.constant(2.0)
    for n in (1, 2, 1, 5):
        np.testing.assert_array_equal(model.scaled(tf.ones([n, 3]), factor), np.full([n, 3], 2.0))
    assert model.traces == 1
    model.scaled(tf.ones([2, 4]), factor)
    assert model.traces == 2
    model.scaled(tf.ones([2, 3]), factor, kind="a")
    model.scaled(tf.ones([4, 3]), factor, kind="a")
    assert model.traces == 3
    Model().scaled(tf.ones([2, 3]), factor)  # of another model
    assert model.traces == 3


# A network that every public method of a model runs.
NETWORKS = {
    "flow": lambda model: model._couplings[0].network,
    "vae": lambda model: model.decoder,
    "gan": lambda model: model.generator,
    "style model": lambda model: model.generator.synthesis,
}


@pytest.mark.parametrize("name", MODELS)
def test_public_methods_do_not_trace_another_size_anew(name, monkeypatch):
    model, runs = MODELS[name](), []
    network = type(NETWORKS[name](model))
    call = network.call
    monkeypatch.setattr(network, "call", lambda *args, **kwargs: runs.append(1) or call(*args, **kwargs))
    latents = np.zeros([4, model.latent_dim], np.float32)
    results = {}
    for n in (3, 4):
        before = len(runs)
        results[n] = [model.sample(n, seed=1, labels=0)]
        if name != "style model":  # it takes long to trace
            results[n].append(model.decode(latents[:n], labels=[0, 1, 0, 1][:n]))
        if name == "flow":
            results[n].append(model.log_prob(latents[:n], labels=0))
        traced = len(runs) - before
        assert traced if n == 3 else not traced
    for few, more in zip(results[3], results[4], strict=True):
        np.testing.assert_allclose(few, more[:3], atol=1e-6)
