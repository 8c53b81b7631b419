"""A model's configuration is its constructor's arguments, read from attributes of the same names."""

import inspect
import json
import warnings

import keras
import pytest

from latentzoo.zoo.constructor_arguments import constructor_arguments
from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN, StyleGAN2
from latentzoo.zoo.model import ZooModel
from latentzoo.zoo.vaes import VAE, Autoencoder

SMALL = {"image_shape": (16, 16, 1), "width": 2, "levels": 1}
STYLE = {
    "image_shape": (16, 16, 1), "latent_dim": 2, "w_dim": 2, "mapping_depth": 1, "channel_base": 16,
    "channel_max": 2,
}  # fmt: skip
OF_IMAGES, OF_VECTORS = {"image_shape", "levels", "num_bits"}, {"event_shape"}
MODELS = {
    "glow": (Glow, {**SMALL, "depth": 1, "coupling": "additive", "preprocess": "equalize"}, set()),
    "realnvp": (RealNVP, {**SMALL, "depth": 1, "blocks": 1, "num_bits": 5}, OF_VECTORS),
    "vectors": (RealNVP, {"event_shape": (3,), "depth": 1, "width": 2, "blocks": 1}, OF_IMAGES),
    "autoencoder": (Autoencoder, {**SMALL, "depth": 0, "latent_dim": 3, "num_classes": 2}, set()),
    "vae": (VAE, {**SMALL, "posterior": "iaf", "prior": "flow", "flow_width": 2, "beta": 0.5}, set()),
    "gan": (GAN, {**SMALL, "latent_dim": 2, "r1_gamma": 0.5, "seed": 4}, set()),
    "stylegan": (StyleGAN, {**STYLE, "use_noise": False, "fade_images": 10}, set()),
    "stylegan2": (StyleGAN2, {**STYLE, "augment": "ada", "activation_clamp": 2.0}, set()),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_config_has_every_argument_and_what_was_given(name):
    model_class, given, absent = MODELS[name]
    config = model_class(**given, name="small", dtype="mixed_bfloat16").get_config()
    assert set(config) == {*inspect.signature(model_class).parameters, "name", "dtype"} - {"kwargs"} - absent
    found = json.loads(json.dumps(config))
    assert found == config
    assert {key: found[key] for key in given} == json.loads(json.dumps(given))
    assert found["name"] == "small" and found["dtype"]["config"] == {"name": "mixed_bfloat16"}
    assert model_class.from_config(found).get_config() == config


class Base(keras.layers.Layer):
    def __init__(self, size, scale=1.0, *, center=False, **kwargs):
        super().__init__(**kwargs)
        self.size, self.scale, self.center = size, scale, center


class Passing(Base):
    def __init__(self, shapes, scale=2.0, **kwargs):
        super().__init__(len(shapes), scale, **kwargs)
        self.shapes = shapes


class Closed(Base):
    def __init__(self, name=None):
        super().__init__(3, name=name)


def test_options_of_base_classes_are_arguments_where_they_are_passed_on():
    layer = Passing(((1, 2), (3,)), center=True)
    arguments = constructor_arguments(layer)
    assert arguments == {"shapes": [[1, 2], [3]], "scale": 2.0, "center": True}
    assert constructor_arguments(Passing(**arguments)) == arguments
    assert constructor_arguments(layer, skip=["shapes"]) == {"scale": 2.0, "center": True}
    assert constructor_arguments(Closed(name="three")) == {"name": "three"}


def test_an_argument_that_is_not_kept_is_named():
    class Forgetful(Base):
        def __init__(self, lost, **kwargs):
            super().__init__(1, **kwargs)

    with pytest.raises(AttributeError, match="lost"):
        constructor_arguments(Forgetful(2))


def test_old_names_work_with_a_warning_and_saving_does_not_ask_for_them(tmp_path):
    vae = VAE(**SMALL, latent_dim=2, prior="flow", flow_width=2)
    assert (vae.prior, vae.posterior) == ("flow", "normal") and isinstance(vae, ZooModel)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*old name.*", DeprecationWarning)
        keras.saving.save_weights(vae, tmp_path / "vae.weights.h5")
        assert json.dumps(vae.get_config()["prior"]) == '"flow"'
    z = vae.prior_distribution().sample(3, seed=(0, 1))
    with pytest.warns(DeprecationWarning, match=r"prior\(\) is prior_distribution\(\) now"):
        prior = vae.prior()
    assert (prior.log_prob(z) == vae.prior_distribution().log_prob(z)).numpy().all()
    with pytest.warns(DeprecationWarning, match="prior_kind is prior now"):
        assert vae.prior_kind == "flow"
    with pytest.warns(DeprecationWarning, match="likelihood_of is likelihood_distribution now"):
        old = vae.likelihood_of(z)
    assert (old.mean() == vae.likelihood_distribution(z).mean()).numpy().all()
    with pytest.warns(DeprecationWarning, match="n is num_samples now"):
        images = vae.sample(n=2)
    with pytest.warns(DeprecationWarning, match="num_samples is importance_samples now"):
        old = vae.log_prob(images, num_samples=3)
    assert (old == vae.log_prob(images, importance_samples=3)).numpy().all()
