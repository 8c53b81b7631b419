"""What is read from the source is what Python says of the imported classes."""

import inspect

import keras
import pytest

from latentzoo import metrics, zoo
from latentzoo.cli import capabilities
from latentzoo.zoo import flows, gans, outline, vaes  # noqa: F401  (register the models)


def test_the_models_are_those_that_keras_knows_by_name():
    registered = keras.saving.get_custom_objects().items()
    known = {name for name, one in registered if isinstance(one, type) and issubclass(one, keras.Model)}
    assert set(outline.models().values()) == {name for name in known if name.startswith("latentzoo>")}


@pytest.mark.parametrize("name", outline.models().values())
def test_a_model_has_the_arguments_and_methods_of_its_source(name):
    model, found = keras.saving.get_registered_object(name), outline.model(name)
    parameters = inspect.signature(model).parameters
    declared = {key: value for key, value in parameters.items() if value.kind != value.VAR_KEYWORD}
    assert set(found.arguments) == set(declared)
    for key, parameter in declared.items():
        assert found.arguments[key].default == parameter.default
    for method in ("sample", "encode", "reconstruct", "interpolate", "style_mix", "elbo", "bits_per_dim"):
        assert (method in found.methods) == hasattr(model, method), method
        if method in found.methods:
            assert found.methods[method] == tuple(inspect.signature(getattr(model, method)).parameters)[1:]
    for name in ("scores", "likelihood_kind", "sampling_options", "has_styles", "pixel_rounding"):
        value = getattr(model, name)
        assert found.attributes[name] == (None if isinstance(value, property) else value), name
    assert (model.sampling_options is not None) == hasattr(model, "sample")


def test_choices_are_those_that_the_constructor_takes():
    glow, vae = (outline.model(f"latentzoo>{name}").arguments for name in ("Glow", "VAE"))
    assert glow["coupling"].choices == ("affine", "additive") and glow["depth"].choices == ()
    assert vae["posterior"].choices == ("normal", "iaf", "coupling")
    with pytest.raises(ValueError, match="expected one of normal, iaf, coupling"):
        vaes.VAE(posterior="none")


def test_a_class_that_is_no_model_of_the_zoo_has_none():
    assert outline.model("keras>Dense") is None and outline.model("latentzoo>Nothing") is None


@pytest.mark.parametrize("name", ["autoencoder-mnist-2d", "gan-mnist", "realnvp-moons", "vae-mnist"])
def test_a_preset_can_do_what_its_model_can(name):
    model, found = zoo.load(name), capabilities.of_preset(name)
    assert (found.event_shape, found.num_classes) == (tuple(model.event_shape), model.num_classes)
    assert found.latent_dim == model.latent_dim
    found.check_metrics(metrics.names_for(model))
    for metric in set(metrics.METRICS) - set(metrics.names_for(model)) - set(found.scores):
        with pytest.raises(ValueError, match=f"metrics: got '{metric}'"):
            found.check_metrics([metric])
