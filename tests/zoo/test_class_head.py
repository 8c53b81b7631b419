"""A new class head: the rest of the model is as it was, whatever the family."""

import numpy as np
import pytest

from latentzoo import zoo
from latentzoo.zoo.class_head import with_new_classes
from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.gans import GAN, StyleGAN, StyleGAN2
from latentzoo.zoo.vaes import VAE, Autoencoder

SMALL = {"image_shape": (8, 8, 1), "levels": 1, "width": 4}
STYLE = {"image_shape": (16, 16, 1), "latent_dim": 4, "w_dim": 4, "channel_base": 64, "channel_max": 8}
MODELS = {
    "glow": (Glow, {**SMALL, "depth": 2}),
    "realnvp": (RealNVP, {"event_shape": (2,), "depth": 2, "width": 4}),
    "vae": (VAE, {**SMALL, "latent_dim": 3}),
    "autoencoder": (Autoencoder, {**SMALL, "latent_dim": 3}),
    "gan": (GAN, {**SMALL, "latent_dim": 4}),
    "stylegan": (StyleGAN, STYLE),
    "stylegan2": (StyleGAN2, STYLE),
}


def trained(name, num_classes):
    """A model whose weights are none that it starts with."""
    model_class, options = MODELS[name]
    model = model_class(**options, num_classes=num_classes)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "float" in weight.dtype:
            weight.assign(weight + rng.normal(0, 0.1, weight.shape))
    model.initialize(np.zeros([2, *model.event_shape], np.float32), labels=[0, 0] if num_classes else None)
    return model


def weights_of_shape(model):
    return {
        (weight.path.split("/")[-1], tuple(weight.shape), weight.numpy().tobytes())
        for weight in model.weights
    }


@pytest.mark.parametrize("name", MODELS)
def test_all_weights_but_those_of_classes_are_the_models(name):
    model = trained(name, 3)
    for num_classes in (3, 5):
        other = with_new_classes(model, num_classes)
        assert other.num_classes == num_classes and other.class_names == () and other.initialized
        new = weights_of_shape(other) - weights_of_shape(model)
        assert new and all(num_classes in shape for _, shape, _ in new)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_without_classes_does_with_some_what_it_did(name):
    model = trained(name, 0)
    other = with_new_classes(model, 3)
    latents = np.random.default_rng(0).standard_normal([3, model.latent_dim]).astype(np.float32)
    if name == "stylegan":  # its mapping normalises latents and label together
        latents *= np.sqrt(model.latent_dim / (latents**2).sum(axis=1, keepdims=True))
        label = other.generator.mapping.embedding
        label.assign(label * np.sqrt(label.shape[1] / (label.numpy() ** 2).sum(axis=1, keepdims=True)))
    expected = model.decode(latents)
    np.testing.assert_allclose(other.decode(latents, labels=[0, 1, 2]), expected, atol=1e-4)
    back = with_new_classes(other, 0)
    if name not in ("gan", "stylegan", "stylegan2"):  # their discriminators have other outputs
        assert weights_of_shape(back) == weights_of_shape(model)
    np.testing.assert_allclose(back.decode(latents), expected, atol=1e-4)


def test_the_average_of_w_is_that_of_the_old_classes():
    model = trained("stylegan2", 3)
    w_avg = with_new_classes(model, 2).generator.mapping.w_avg.numpy()
    expected = model.generator.mapping.w_avg.numpy().mean(axis=0)
    np.testing.assert_allclose(w_avg, [expected, expected], rtol=1e-6)


def test_a_model_that_cannot_have_classes_says_so():
    vae = VAE(**SMALL, latent_dim=3, prior="vampprior")
    with pytest.raises(ValueError, match="num_classes is 2, expected 0 with a VampPrior."):
        with_new_classes(vae, 2)


def test_load_gives_new_classes_and_remembers_names(tmp_path):
    model = trained("realnvp", 3)
    model.class_names = ["a", "b", "c"]
    model.save_to_preset(tmp_path / "old")
    assert zoo.load(tmp_path / "old").class_names == ("a", "b", "c")
    other = zoo.load(tmp_path / "old", num_classes=2)
    assert other.num_classes == 2 and other.class_names == ()
    other.class_names = ("x", "y")
    other.save_to_preset(tmp_path / "new")
    again = zoo.load(tmp_path / "new")
    assert again.class_names == ("x", "y") and zoo.info(tmp_path / "new")["classes"] == ["x", "y"]
    points = np.zeros([2, 2], np.float32)
    np.testing.assert_array_equal(again.log_prob(points, [0, 1]), other.log_prob(points, [0, 1]))
    assert zoo.load(tmp_path / "old", num_classes=0).num_classes == 0


@pytest.mark.parametrize("names", [["a", "b"], ["a", "a", "b"], ["a", "b", 3], "abc"])
def test_names_that_fit_no_model_are_refused(names):
    with pytest.raises(ValueError, match="class_names are .*, expected 3 different texts."):
        trained("realnvp", 3).class_names = names
