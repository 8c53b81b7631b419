"""Batch normalization in `fit`: what is frozen stands still, and one example is no batch."""

import keras
import numpy as np
import pytest

from .small_fits import IMAGES, SMALL, batches, compiled, fitted


def test_a_frozen_batch_normalization_stands_still_and_uses_its_own_statistics():
    model = compiled("realnvp")
    model.initialize(IMAGES)
    frozen = model.layers[0]
    frozen.trainable = False
    model.compile(optimizer=keras.optimizers.SGD(1e-2), run_eagerly=True)
    before = [weight.numpy() for weight in model.weights]
    fitted(model, IMAGES**4)
    still = {id(weight) for weight in frozen.weights}
    for weight, old in zip(model.weights, before, strict=True):
        if id(weight) in still:
            np.testing.assert_array_equal(weight, old, err_msg=weight.path)
        elif "moving" in weight.path:
            assert np.any(weight.numpy() != old), weight.path
    model.trainable = False
    np.testing.assert_allclose(model(IMAGES, training=True), model(IMAGES, training=False), rtol=1e-5)
    before = model.get_weights()
    model.estimate_statistics([IMAGES[:4]])
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


def test_what_is_frozen_later_stands_still_in_a_graph_too():
    model = SMALL["realnvp"]()
    model.initialize(IMAGES)
    frozen, other = model.layers[:2]
    frozen.trainable = False
    before = [part.moving_mean.numpy() for part in (frozen, other)]
    model.estimate_statistics([IMAGES**4])
    np.testing.assert_array_equal(frozen.moving_mean, before[0])
    assert np.any(other.moving_mean.numpy() != before[1])


def test_one_example_may_be_scored_under_batch_normalization():
    model = compiled("realnvp")
    fitted(model, IMAGES, validation_data=(IMAGES[:1],))
    np.testing.assert_allclose(
        [model.evaluate(IMAGES[:1], verbose=0), *model.predict(IMAGES[:1], verbose=0)],
        np.repeat(model(IMAGES[:1]), 2), rtol=1e-6,
    )  # fmt: skip


def test_a_batch_of_one_example_is_refused_by_batch_normalization():
    model = compiled("realnvp")
    for give in (
        lambda: fitted(model, IMAGES[:7], batch_size=3),
        lambda: fitted(model, IMAGES[:2], batch_size=1),
        lambda: model.train_on_batch(IMAGES[:1]),
        lambda: model.initialize(IMAGES[:1]),
    ):
        with pytest.raises(ValueError, match="a batch of one example, expected at least two"):
            give()
    assert not model.initialized and model.steps == 0
    with pytest.raises(ValueError, match="a batch of one example, expected at least two"):
        fitted(model, batches(IMAGES[:7], size=3), batch_size=None)
    assert model.steps == 2
    model.trainable = False
    model.compile(optimizer="sgd", run_eagerly=True)
    assert np.isfinite(model.evaluate(IMAGES[:1], verbose=0))
