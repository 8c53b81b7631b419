"""Tiny VAEs, some of them trained."""

import keras
import pytest
import tensorflow as tf

from ... import tiny

# What the models of `trained_vae` differ in.
TRAINED = {
    "plain": {},
    "iaf": {"posterior": "iaf", "binarization": "static"},
    "coupling": {"posterior": "coupling", "prior": "flow", "likelihood": "gaussian"},
    "vampprior": {"prior": "vampprior", "likelihood": "discretized_logistic"},
    "conditional": {"posterior": "iaf", "prior": "flow", "num_classes": 10},
    "bfloat16": {
        "posterior": "iaf",
        "likelihood": "discretized_logistic",
        "dtype": "mixed_bfloat16",
        "depth": 0,
    },  # fmt: skip
}


QUICK = {"plain", "iaf", "conditional"}  # what `make quick` runs over
PARAMETERS = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in TRAINED]


@pytest.fixture(scope="session")
def vae():
    """VAE for 8x8 images; arguments as `VAE`'s."""
    return tiny.vae


@pytest.fixture(scope="session")
def trained_vae(vae, clothes):
    """A function from a name of TRAINED to that model after 8 steps; do not change what it returns."""
    models = {}

    def train(name):
        if name not in models:
            images, labels = clothes
            model = models[name] = vae(**TRAINED[name])
            model.compile(optimizer=keras.optimizers.Adam(4e-2), run_eagerly=True)
            data = tf.data.Dataset.from_tensors((images, labels) if model.num_classes else images)
            model.fit(data.repeat(), steps_per_epoch=8, shuffle=False, verbose=0)
        return models[name]

    return train


@pytest.fixture(scope="session", params=PARAMETERS)
def each_vae(request, trained_vae, clothes):
    """(model, images, labels or None) of every model of TRAINED."""
    model = trained_vae(request.param)
    return model, clothes[0][:16], clothes[1][:16] if model.num_classes else None
