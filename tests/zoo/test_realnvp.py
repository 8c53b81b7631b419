"""RealNVP: exact densities, moving statistics, both after some steps of training."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from latentzoo import zoo
from latentzoo.data import two_moons
from latentzoo.trainers import train
from latentzoo.zoo.flows import RealNVP, realnvp

POINTS = two_moons("train")[0][:2048]
IMAGES = np.random.default_rng(0).integers(0, 256, [16, 4, 4, 2], dtype=np.uint8)


def image_model(**kwargs):
    return RealNVP(**{"image_shape": (4, 4, 2), "depth": 1, "width": 4, "blocks": 1, **kwargs})


def vector_model(**kwargs):
    return RealNVP(**{"event_shape": (2,), "depth": 4, "width": 16, "blocks": 1, **kwargs})


def fit(model, data, rate, steps):
    model.compile(optimizer=keras.optimizers.Adam(rate), jit_compile=False)
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(16, drop_remainder=True).repeat()
    model.fit(dataset, steps_per_epoch=steps, verbose=0)
    return model


def shaken(model, data, *labels):
    """`model` with random weights, and the statistics of `data`: no training to wait for."""
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(weight + rng.normal(0, 0.1, weight.shape))
    model.initialize(data, *labels)
    return model


@pytest.fixture(scope="module")
def trained_image_model():
    """Its last layers, gains and statistics are away from where they start."""
    return fit(image_model(), IMAGES, 1e-2, 20)


@pytest.fixture(scope="module")
def trained_vector_model():
    return fit(vector_model(), POINTS, 3e-3, 128)


def test_log_prob_of_images_is_that_of_the_whole_jacobian(trained_image_model):
    model = trained_image_model
    image = tf.constant((IMAGES[:1] + 0.5) / 256, tf.float32)
    bijector = model.bijector()
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        latents = bijector.forward(tf.identity(image))
    jacobian = tf.reshape(tape.jacobian(latents, image, experimental_use_pfor=False), [32, 32])
    _, log_det = np.linalg.slogdet(jacobian.numpy().astype(np.float64))
    z = latents.numpy().astype(np.float64)
    expected = -0.5 * np.sum(z**2) - 16 * np.log(2 * np.pi) + log_det
    # 32 log-scales and 32 squares in float32, each to 6e-8 of its size.
    np.testing.assert_allclose(model.log_prob(IMAGES[:1]), [expected], rtol=2e-5, atol=1e-3)


def test_images_come_back(trained_image_model):
    again = trained_image_model.reconstruct(IMAGES)
    np.testing.assert_allclose(again, (IMAGES + 0.5) / 256, atol=1e-4)


def test_latents_are_split_by_level(trained_image_model):
    latents = trained_image_model.encode(IMAGES[:3])
    fine, coarse = trained_image_model.split_latents(latents)
    assert fine.shape == coarse.shape == (3, 2, 2, 4)
    again = np.concatenate([tf.reshape(fine, [3, 16]), tf.reshape(coarse, [3, 16])], -1)
    np.testing.assert_array_equal(again, latents)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_factored_out_half_is_changed_last(depth):
    """So that its last coupling is its prior given the kept half."""
    masks = [coupling.mask.active for coupling in image_model(depth=depth)._couplings[0][1]]
    assert masks == ["second", "first", "second"][-depth:]


def test_every_weight_takes_part(trained_image_model):
    with tf.GradientTape() as tape:
        loss = trained_image_model(IMAGES, training=True)
    gradients = tape.gradient(loss, [v.value for v in trained_image_model.trainable_variables])
    assert all(g is not None and np.any(g.numpy() != 0) for g in gradients)


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
    with pytest.raises(ValueError, match="a flow on vectors: split_latents is of images"):
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


def test_trainer_ends_with_the_statistics_of_the_averaged_weights(tmp_path):
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


def test_two_replicas_train_as_one(mirrored_strategy):
    """Statistics are those of both halves of the batch, and stay equal on the replicas."""
    one = vector_model(depth=2)
    with mirrored_strategy.scope():
        two = vector_model(depth=2)
    for model in (one, two):
        model.initialize(POINTS[:256])
        with model.distribute_strategy.scope():
            model.compile(optimizer=keras.optimizers.SGD(1e-2), jit_compile=False)
        model.fit(tf.data.Dataset.from_tensor_slices(POINTS[:256]).batch(64), verbose=0)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5, err_msg=a.path)
    mean = two._couplings[0].moving_mean.value
    replicas = mirrored_strategy.experimental_local_results(mean)
    np.testing.assert_array_equal(replicas[0], replicas[1])


@pytest.mark.parametrize("make, data", [(image_model, IMAGES), (vector_model, POINTS[:64])])
def test_saved_models_have_the_same_density(make, data, tmp_path):
    model = shaken(make(), data)
    expected = model.log_prob(data)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras").log_prob(data), expected)
    model.save_to_preset(tmp_path / "preset")
    np.testing.assert_array_equal(zoo.load(tmp_path / "preset").log_prob(data), expected)


def test_samples_are_drawn_row_by_row(trained_vector_model, trained_image_model):
    for model in (trained_vector_model, trained_image_model):
        np.testing.assert_allclose(model.sample(16, seed=3)[:4], model.sample(4, seed=3), atol=1e-6)
        assert np.any(model.sample(4, seed=3) != model.sample(4, seed=4))


@pytest.mark.parametrize("make, data", [(image_model, IMAGES), (vector_model, POINTS[:16])])
def test_classes_have_their_own_densities(make, data):
    labels = np.arange(16, dtype=np.int32) % 2
    model = shaken(make(num_classes=2), data, labels)
    assert np.all(model.log_prob(data, labels=0) != model.log_prob(data, labels=1))
    again = model.decode(model.encode(data, labels), labels)
    np.testing.assert_allclose(again, (data + 0.5) / 256 if data.ndim == 4 else data, atol=1e-4)


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
    with pytest.raises(ValueError, match="batch_parts is 2, expected 1: .* normalises by its whole batch"):
        model.batch_parts = 2
