"""Temperatures and latents far out: finite images, or one sentence, in Keras and on a server."""

import re

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.export.checks import check
from latentzoo.zoo.checks import check_number
from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN2
from latentzoo.zoo.latents import check_finite, served
from latentzoo.zoo.vaes import VAE, Autoencoder

pytestmark = pytest.mark.usefixtures("eagerly")

SHAPE = {"image_shape": (8, 8, 1)}
MODELS = {
    "glow": lambda: Glow(**SHAPE, levels=2, depth=2, width=4),
    "images": lambda: RealNVP(**SHAPE, levels=1, depth=1, width=4, blocks=0),
    "vectors": lambda: RealNVP(event_shape=(2,), depth=2, width=4, blocks=0),
    "vae": lambda: VAE(**SHAPE, latent_dim=3, levels=1, width=4, prior="flow", flow_depth=1, flow_width=4),
    "autoencoder": lambda: Autoencoder(**SHAPE, latent_dim=3, levels=1, width=4),
    "gan": lambda: GAN(**SHAPE, latent_dim=3, levels=1, width=4),
    "stylegan2": lambda: StyleGAN2(**SHAPE, latent_dim=4, w_dim=4, channel_base=32, channel_max=4),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("bad", [1e38, -1e38, np.nan, np.inf, 2e6])
def test_latents_out_of_range_are_refused(model, bad):
    latents = np.zeros([2, model.latent_dim], np.float32)
    latents[1, 0] = bad
    with pytest.raises(ValueError, match="latents holds"):
        model.decode(latents)


@pytest.mark.parametrize("bad", [1e38, 1e39, np.nan, -1, 10**400])
def test_temperatures_out_of_range_are_refused(model, bad):
    if not hasattr(model, "sample"):
        return
    name = "truncation" if hasattr(model, "mapping") else "temperature"
    if isinstance(model, GAN):
        return  # has neither
    with pytest.raises(ValueError, match=f"{name} is .*, expected a finite number from 0 to 1e\\+06."):
        model.sample(2, **{name: bad})


def test_images_of_latents_far_out_are_in_the_unit_interval(model):
    if len(model.event_shape) == 1:
        return  # vectors have no limits
    direction = np.random.default_rng(0).standard_normal([4, model.latent_dim]).astype(np.float32)
    for size in (3, 100):
        images = np.asarray(model.decode(size * direction))
        assert np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1
        assert np.ptp(images) > 1e-3  # no black ones


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_styles_out_of_range_are_refused(bad):
    model = MODELS["stylegan2"]()
    w = np.zeros([1, model.num_ws, model.w_dim], np.float32)
    w[0, -1, 0] = bad
    good = np.zeros_like(w)
    for call in (
        lambda: model.synthesis(w),
        lambda: model.style_mix(good, w, 1),
        lambda: model.move(good, np.ones(model.w_dim), bad),
        lambda: model.move(good, np.full(model.w_dim, bad), 1.0),
    ):
        with pytest.raises(ValueError, match="(w|w_b|strength|direction) holds NaN or numbers beyond 1e"):
            call()


# Of each signature, the input that is spoilt.
SPOILT = {
    ("glow", "sample"): "temperature",
    ("glow", "decode"): "latents",
    ("vae", "sample"): "temperature",
    ("autoencoder", "decode"): "latents",
    ("gan", "decode"): "latents",
    ("stylegan2", "sample"): "truncation",
    ("stylegan2", "mapping"): "latents",
    ("stylegan2", "synthesis"): "w",
    ("stylegan2", "synthesize"): "styles",
}


@pytest.mark.parametrize("name, signature", SPOILT)
@pytest.mark.parametrize("bad", [1e38, np.nan])
def test_a_server_names_what_is_out_of_range(name, signature, bad):
    declared = {s.name: s for s in MODELS[name]().serving_signatures()}[signature].inputs
    inputs = {key: tf.zeros([1, *spec.shape], spec.dtype) for key, spec in declared.items()}
    check(inputs, declared)
    spoilt = SPOILT[name, signature]
    inputs[spoilt] += bad
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{spoilt} must be finite"):
        check(inputs, declared)


def test_what_is_not_finite_is_an_error_that_says_of_what():
    images = np.ones([3, 2, 2, 1], np.float32)
    np.testing.assert_array_equal(check_finite(images, "latents"), images)
    assert served(tf.constant(images), "latents").numpy().min() == 255
    images[1, 0, 0] = np.nan
    with pytest.raises(ValueError, match=re.escape("latents give 1 of 3 rows with NaN or infinity")):
        check_finite(images, "latents")
    with pytest.raises(tf.errors.InvalidArgumentError, match="latents must be nearer to 0"):
        served(tf.constant(images), "latents")


def test_numbers_have_limits():
    assert check_number("x", 2, 0, 2) == 2.0 and check_number("x", np.float32(0.5), 0) == 0.5
    for value in (2.1, -0.1, np.nan, np.inf, 10**400, "1"):
        with pytest.raises(ValueError, match="expected a finite number from 0 to 2."):
            check_number("x", value, 0, 2)
