"""Training: the annealed loss, gradients, replicas, fine-tuning; and what never enters a reported number."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.zoo import seeds

pytestmark = pytest.mark.usefixtures("eagerly")

# For what is compiled: what is in it is tested elsewhere.
SMALL = {"levels": 1, "depth": 0, "flow_depth": 1}


def training_loss(model, images, step):
    """The loss of a step, and the two parts it is made of: by hand from the same noise."""
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    model.optimizer.iterations.assign(step)
    loss = np.asarray(model(images, training=True))
    noise = seeds.training_normal(model.seed, step, [len(images), model.latent_dim])
    x = model._likelihood.data(tf.constant(images))
    reconstruction, kl = model._parts(x, noise, None)
    return loss, np.asarray(reconstruction), np.asarray(kl)


@pytest.mark.parametrize(
    "options, step, weight",
    [
        ({}, 0, 1.0),
        ({"beta": 4.0}, 3, 4.0),
        ({"annealing_steps": 10}, 0, 0.0),
        ({"annealing_steps": 10, "beta": 0.5}, 4, 0.2),
        ({"annealing_steps": 10}, 12, 1.0),
    ],
)
def test_the_divergence_weighs_beta_times_its_annealing(vae, shaken, clothes, options, step, weight):
    model = shaken(vae(binarization="static", **options), size=0.3)
    loss, reconstruction, kl = training_loss(model, clothes[0][:8], step)
    assert np.all(kl.sum(axis=1) > 0.01)
    np.testing.assert_allclose(loss, weight * kl.sum(axis=1) - reconstruction, rtol=1e-5)


@pytest.mark.parametrize("posterior", ["normal", "iaf"])
def test_free_bits_cost_nothing_below_and_the_divergence_above(vae, shaken, clothes, posterior):
    options = {"binarization": "static", "posterior": posterior}
    plain = shaken(vae(**options), size=0.3)
    _, reconstruction, kl = training_loss(plain, clothes[0], 5)
    means = kl.mean(axis=0)  # of each dimension, or of all together
    groups = len(means)
    assert groups == (3 if posterior == "normal" else 1)
    free = float(np.median(means)) * groups / 3 * 1.1  # above some, and below others if there are others
    model = shaken(vae(free_bits=free, **options), size=0.3)
    loss, _, _ = training_loss(model, clothes[0], 5)
    expected = np.maximum(means, free * 3 / groups).sum() - reconstruction.mean()
    np.testing.assert_allclose(loss.mean(), expected, rtol=1e-5)
    message = f"micro_batches is 2, expected 1: {model.name} normalizes by its whole batch."
    with pytest.raises(ValueError) as error:
        model.micro_batches = 2
    assert str(error.value) == message


def test_weights_of_training_never_enter_a_number(vae, shaken, clothes):
    plain = shaken(vae(likelihood="discretized_logistic"))
    other = vae(likelihood="discretized_logistic", beta=7.0, annealing_steps=100, free_bits=2.0)
    other.set_weights(plain.get_weights())
    images = clothes[0][:8]
    for call in (
        lambda model: model(images),
        lambda model: model.elbo(images),
        lambda model: model.kl(images),
        lambda model: model.log_prob(images, importance_samples=3),
        lambda model: model.bits_per_dim(images),
    ):
        np.testing.assert_array_equal(call(other), call(plain))
    for model in (plain, other):
        model.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    losses = [model.evaluate(images, batch_size=8, verbose=0) for model in (plain, other)]
    np.testing.assert_allclose(losses, np.mean(plain.bits_per_dim(images)), rtol=1e-5)


def test_every_weight_gets_a_gradient(each_vae):
    model, images, labels = each_vae
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(images if labels is None else (images, labels), training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.path
        gradient = np.asarray(tf.convert_to_tensor(gradient), np.float32)
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


def test_fit_lowers_what_evaluate_says(trained_vae, vae, clothes):
    for name in ("plain", "iaf", "coupling", "vampprior"):
        model = trained_vae(name)
        fresh = type(model).from_config(model.get_config())
        fresh.initialize(clothes[0])
        assert np.mean(model(clothes[0])) < np.mean(fresh(clothes[0])) - 0.1, name


def test_keras_defaults_with_xla(compiled, vae, clothes):
    model = vae(posterior="iaf", latent_dim=2, **SMALL)
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    history = model.fit(clothes[0], batch_size=32, epochs=3, verbose=0).history
    assert set(history) == {"loss"} and history["loss"][-1] < history["loss"][0]


def test_an_accumulated_gradient_is_that_of_the_whole_batch(
    compiled, vae, clothes, monkeypatch, assert_same_weights
):
    without_noise(monkeypatch)
    models = [vae(binarization="static", **SMALL) for _ in range(2)]
    models[1].micro_batches = 4
    for model in models:
        model.compile(optimizer=keras.optimizers.SGD(1e-2), jit_compile=False)
        model.fit(clothes[0][:32], batch_size=32, verbose=0)  # one step: in more, rounding grows
    assert_same_weights(models[1], models[0], tolerance=1e-5)


def without_noise(monkeypatch):
    """Noise belongs to a replica or a piece: without it, their number makes no difference but rounding."""
    monkeypatch.setattr(seeds, "training_normal", lambda seed, step, shape: tf.zeros(shape))


def test_two_replicas_train_as_one_does(
    compiled, mirrored_strategy, vae, clothes, monkeypatch, assert_same_weights
):
    without_noise(monkeypatch)
    data = tf.data.Dataset.from_tensor_slices(clothes[0]).repeat().batch(16)

    def compiled():
        model = vae(posterior="iaf", binarization="static", **SMALL)
        model.compile(optimizer=keras.optimizers.SGD(1e-3), jit_compile=False)
        return model

    alone = compiled()
    alone.fit(data, steps_per_epoch=10, verbose=0)
    with mirrored_strategy.scope():
        both = compiled()
        both.fit(data, steps_per_epoch=10, verbose=0)
    assert both.optimizer.iterations == 10
    assert_same_weights(both, alone, tolerance=1e-5)
    np.testing.assert_allclose(both.elbo(clothes[0]), alone.elbo(clothes[0]), rtol=1e-5)


def test_replicas_draw_different_noise(compiled, mirrored_strategy, vae, clothes):
    with mirrored_strategy.scope():
        model = vae(binarization="static", **SMALL)

    @tf.function
    def losses():
        return mirrored_strategy.run(lambda: model(tf.constant(clothes[0][:8]), training=True))

    a, b = mirrored_strategy.experimental_local_results(losses())
    assert not np.any(a == b)


def test_noise_of_latents_and_of_pixels_is_independent():
    normal, uniform = seeds.training_normal(0, 3, [10_000]), seeds.training_uniform(0, 3, [10_000])
    ranks = np.argsort(np.argsort(normal)), np.argsort(np.argsort(uniform))
    assert abs(np.corrcoef(*ranks)[0, 1]) < 0.04
    assert np.any(seeds.training_normal(0, 4, [10_000]) != normal)


def test_fine_tuning_a_preset_on_other_images(trained_vae, clothes, tmp_path):
    trained_vae("vampprior").save_to_preset(tmp_path / "clothes")
    negatives = 255 - clothes[0]
    model = zoo.load(tmp_path / "clothes")
    assert model.initialized  # so the pseudo-inputs stay
    model.compile(optimizer=keras.optimizers.Adam(1e-2), run_eagerly=True)
    before = model.evaluate(negatives, verbose=0)
    np.testing.assert_allclose(before, np.mean(trained_vae("vampprior").bits_per_dim(negatives)), rtol=1e-2)
    model.fit(negatives, batch_size=32, epochs=5, verbose=0)
    assert model.evaluate(negatives, verbose=0) < before - 0.05


def test_a_conditional_model_uses_its_labels(trained_vae, clothes):
    model, (images, labels) = trained_vae("conditional"), clothes
    right, wrong = model.elbo(images, labels=labels), model.elbo(images, labels=(labels + 5) % 10)
    assert np.mean(right) > np.mean(wrong)
