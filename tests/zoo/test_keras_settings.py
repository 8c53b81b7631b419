"""Keras's global settings, which a user makes for other work, change nothing that a model means."""

import keras
import numpy as np
import pytest

from latentzoo.zoo.flows import RealNVP
from latentzoo.zoo.gans import GAN
from latentzoo.zoo.vaes import VAE

pytestmark = pytest.mark.usefixtures("eagerly")

SMALL = {"image_shape": (4, 4, 1), "levels": 1, "width": 2, "latent_dim": 2, "name": "small"}
MAKERS = {
    "vae": lambda **options: VAE(**SMALL, depth=1, posterior="iaf", flow_depth=1, flow_width=4, **options),
    "gan": lambda **options: GAN(**SMALL, **options),
    "vectors": lambda **options: RealNVP(event_shape=(2,), depth=2, width=4, name="small", **options),
    "images": lambda **options: RealNVP(image_shape=(4, 4, 1), levels=1, depth=1, width=4, **options),
}
SETTINGS = {
    "channels_first": lambda: keras.config.set_image_data_format("channels_first"),
    "floatx float64": lambda: keras.config.set_floatx("float64"),
    "floatx float16": lambda: keras.config.set_floatx("float16"),
    # What floatx is in keras.json, the policy is from the start.
    "policy float64": lambda: keras.config.set_dtype_policy("float64"),
    "policy bfloat16": lambda: keras.config.set_dtype_policy("bfloat16"),
}


@pytest.fixture
def as_it_was():
    """Puts Keras's settings back."""
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("family", MAKERS)
def test_a_model_samples_and_trains_as_ever(as_it_was, family, setting):
    usual = MAKERS[family]()
    expected = usual.sample(3, seed=1)
    SETTINGS[setting]()
    for model in (MAKERS[family](), type(usual).from_config(usual.get_config()), usual):
        assert model.dtype_policy.name == "float32"
        np.testing.assert_array_equal(model.sample(3, seed=1), expected)
    events = np.linspace(0.1, 0.9, 4 * np.prod(model.event_shape), dtype=np.float32)
    model.compile(**({} if family == "gan" else {"optimizer": keras.optimizers.SGD(1e-3)}), run_eagerly=True)
    history = model.fit(events.reshape([4, *model.event_shape]), batch_size=4, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("family", MAKERS)
def test_a_global_mixed_policy_is_followed_by_new_models_and_not_by_loaded_ones(as_it_was, family, policy):
    usual = MAKERS[family]()
    expected, config = usual.sample(3, seed=1), usual.get_config()
    keras.config.set_dtype_policy(policy)
    new = MAKERS[family]()
    assert new.dtype_policy.name == policy and {w.dtype for w in new.trainable_weights} == {"float32"}
    np.testing.assert_allclose(new.sample(3, seed=1), expected, atol=0.03)
    np.testing.assert_array_equal(type(usual).from_config(config).sample(3, seed=1), expected)


def test_weights_of_another_dtype_are_refused():
    with pytest.raises(ValueError, match="^dtype is 'float64', expected 'float32', 'mixed_bfloat16'"):
        MAKERS["vae"](dtype="float64")
