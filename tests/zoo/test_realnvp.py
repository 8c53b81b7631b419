"""RealNVP: exact densities, moving statistics, both after some steps of training."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from latentzoo.data import two_moons
from latentzoo.trainers import train
from latentzoo.zoo.flows import RealNVP, realnvp

pytestmark = pytest.mark.usefixtures("eagerly")

POINTS = two_moons("train")[0][:2048]
IMAGES = np.random.default_rng(0).integers(0, 256, [16, 4, 4, 2], dtype=np.uint8)


def image_model(**kwargs):
    return RealNVP(**{"image_shape": (4, 4, 2), "depth": 1, "width": 4, "blocks": 1, **kwargs})


def vector_model(**kwargs):
    return RealNVP(**{"event_shape": (2,), "depth": 4, "width": 16, "blocks": 1, **kwargs})


def shaken(model, data, *labels):
    """`model` with random weights, and the statistics of `data`: no training to wait for."""
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(weight + rng.normal(0, 0.1, weight.shape))
    model.initialize(data, *labels)
    return model


@pytest.fixture(scope="module")
def trained_vector_model(eagerly):
    model = vector_model()
    model.compile(optimizer=keras.optimizers.Adam(3e-3), jit_compile=False)
    tf.config.run_functions_eagerly(False)  # so many steps are worth a trace
    model.fit(POINTS, batch_size=16, shuffle=False, verbose=0)
    tf.config.run_functions_eagerly(True)
    return model


def test_the_last_level_is_not_squeezed():
    fine, coarse = image_model().split_latents(np.zeros([3, 32], np.float32))
    assert fine.shape == coarse.shape == (3, 2, 2, 4)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_factored_out_half_is_changed_last(depth):
    """So that its last coupling is its prior given the kept half."""
    masks = [coupling.mask.active for coupling in image_model(depth=depth)._couplings[0][1]]
    assert masks == ["second", "first", "second"][-depth:]


def test_density_of_vectors_integrates_to_one(trained_vector_model):
    axis = np.linspace(-6, 6, 401, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    density = np.exp(trained_vector_model.log_prob(grid).numpy().astype(np.float64))
    assert np.sum(density) * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=5e-3)


def test_a_little_training_beats_the_best_gaussian(trained_vector_model):
    """One that affine couplings at their start, with batch norm, cannot beat: it takes the networks."""
    points, test = two_moons("train")[0], two_moons("test")[0][:2048]
    gaussian = scipy.stats.multivariate_normal(points.mean(0), np.cov(points.T))
    assert np.mean(trained_vector_model.log_prob(test)) > np.mean(gaussian.logpdf(test))


def test_vectors_come_back(trained_vector_model):
    latents = trained_vector_model.encode(POINTS[:64])
    np.testing.assert_allclose(trained_vector_model.decode(latents), POINTS[:64], atol=1e-4)
    with pytest.raises(ValueError, match="a flow on vectors: split_latents is only for images"):
        trained_vector_model.split_latents(latents)


def test_moving_statistics_are_those_of_the_batch_mixed_in():
    """The first coupling starts as the identity: its batch norm sees the vectors themselves."""
    model = vector_model()
    batch = POINTS[:50] * np.float32([2, 3]) + np.float32([1, -1])
    first = model._couplings[0]
    model(batch, training=True)
    mixed_in = 1 - realnvp.MOMENTUM
    np.testing.assert_allclose(first.moving_mean, mixed_in * batch.mean(0), rtol=1e-4)
    expected = realnvp.MOMENTUM + mixed_in * batch.var(0)
    np.testing.assert_allclose(first.moving_variance, expected, rtol=1e-5)


def test_a_batch_that_is_not_finite_leaves_the_moving_statistics():
    model = RealNVP(event_shape=(2,), depth=2, width=4)
    model.compile(optimizer="sgd")
    model.initialize(np.random.default_rng(0).normal(size=[64, 2]).astype(np.float32))
    before = [weight.numpy() for weight in model.non_trainable_variables]
    model(tf.constant([[np.nan, 0.0], [1.0, 2.0]]), training=True)
    for weight, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_moving_statistics_stay_in_evaluation(trained_vector_model):
    before = [v.numpy() for v in trained_vector_model.non_trainable_variables]
    trained_vector_model.log_prob(POINTS)
    trained_vector_model(POINTS)
    trained_vector_model.sample(4)
    after = [v.numpy() for v in trained_vector_model.non_trainable_variables]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_and_evaluation_agree_on_the_batch_of_the_statistics():
    model = shaken(vector_model(), POINTS[:500] * 3)
    model.estimate_statistics([POINTS[:500]])
    evaluated = model(POINTS[:500], training=False)
    np.testing.assert_allclose(evaluated, -model.log_prob(POINTS[:500]), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model(POINTS[:500], training=True), evaluated, rtol=1e-4, atol=1e-4)


def test_trainer_ends_with_the_statistics_of_the_averaged_weights(compiled, tmp_path):
    points = POINTS[:128]
    model = vector_model(depth=2)
    train(model, points, workdir=tmp_path, steps=20, batch_size=128, learning_rate=1e-2, ema=0.9, verbose=0)
    left = [(c.moving_mean.numpy(), c.moving_variance.numpy()) for c in model._couplings]
    model.estimate_statistics([points])
    for coupling, (mean, variance) in zip(model._couplings, left, strict=True):
        np.testing.assert_allclose(coupling.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(coupling.moving_variance, variance, rtol=1e-4)


def test_estimated_statistics_are_the_mean_over_batches():
    model, batches = vector_model(), [POINTS[:32], POINTS[32:96] * 2, POINTS[96:128] + 1]
    model.estimate_statistics(batches)
    first = model._couplings[0]
    np.testing.assert_allclose(first.moving_mean, np.mean([b.mean(0) for b in batches], 0), rtol=1e-4)
    np.testing.assert_allclose(first.moving_variance, np.mean([b.var(0) for b in batches], 0), rtol=1e-5)


def test_initialisation_estimates_the_statistics_of_the_data():
    model = image_model()
    model.initialize(IMAGES)
    x = np.log((0.05 + 0.9 * (IMAGES + 0.5) / 256) / (0.95 - 0.9 * (IMAGES + 0.5) / 256))
    # Up to the dequantisation noise, which the mean does not see to a part in a thousand.
    np.testing.assert_allclose(model._couplings[0][0][0].moving_mean, x.mean((0, 1, 2)), atol=1e-2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"event_shape": (1,)}, "event_shape is 1, expected an integer of at least 2"),
        ({"event_shape": (2, 2)}, r"event_shape is \(2, 2\), expected one integer"),
        ({"depth": 0}, "depth is 0"),
        ({"blocks": -1}, "blocks is -1"),
        ({"image_shape": (6, 4, 1)}, "image_shape is .* with 2 levels"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RealNVP(**arguments)


def test_batch_normalisation_needs_the_whole_batch():
    model = RealNVP(event_shape=(2,), depth=1, width=4)
    with pytest.raises(
        ValueError, match="parallel_micro_batches is 2, expected 1: .* normalizes by its whole batch"
    ):
        model.parallel_micro_batches = 2
