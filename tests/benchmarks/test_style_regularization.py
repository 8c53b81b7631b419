"""The samples of several latents that the benchmark of style mixing compares."""

import importlib
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans import StyleGAN

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"
TINY = {
    "image_shape": (8, 8, 1), "latent_dim": 8, "w_dim": 6, "mapping_depth": 2, "channel_base": 64,
    "channel_max": 8, "progressive": False,
}  # fmt: skip
PAIRS = tf.constant([[7, i] for i in range(400)], tf.int32)


@pytest.fixture(scope="module")
def mixed():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return importlib.import_module("style_regularization").Mixed


@pytest.fixture(scope="module")
def model():
    return StyleGAN(**TINY)


def test_samples_of_one_latent_are_those_of_the_model(mixed, model):
    np.testing.assert_allclose(mixed(model, 1).sample(3, PAIRS[:3]), model.sample(3, PAIRS[:3]), atol=1e-6)


@pytest.mark.parametrize("num_latents", [2, 3, 4])
def test_one_latent_follows_the_other_at_layers_that_are_equally_likely(mixed, model, num_latents):
    latents = mixed(model, num_latents)._latent_of_style(PAIRS).numpy()
    steps = np.diff(latents, axis=1)
    assert latents.shape == (len(PAIRS), model.num_ws)
    assert (latents[:, 0] == 0).all() and (latents[:, -1] == num_latents - 1).all()
    assert set(np.unique(steps)) <= {0, 1}
    share = (num_latents - 1) / (model.num_ws - 1)
    error = (share * (1 - share) / len(PAIRS)) ** 0.5
    np.testing.assert_allclose(steps.mean(axis=0), share, atol=4 * error)


def test_styles_of_a_row_do_not_depend_on_the_others(mixed, model):
    three = mixed(model, 3)
    np.testing.assert_allclose(three.sample(2, PAIRS[5:7])[1], three.sample(1, PAIRS[6:7])[0], atol=1e-6)
