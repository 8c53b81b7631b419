"""Adversarial training against closed forms: losses, penalties, averages, counts, replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.trainers import train
from latentzoo.zoo.gans.ada import AdaptiveAugmentation
from latentzoo.zoo.gans.growing import Growing
from latentzoo.zoo.gans.path_length import PathLength
from latentzoo.zoo.gans.r1 import R1
from latentzoo.zoo.gans.training_part import TrainingPart
from latentzoo.zoo.gans.training_state import TrainingState


def sgd(rate=1.0):
    return keras.optimizers.SGD(rate)


def weights_of(model):
    lines = model.generator, model.discriminator
    return [float(value) for line in lines for value in (line.slope.numpy(), line.offset.numpy())]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_a_step_is_that_of_the_generator_then_that_of_the_discriminator(line_gan):
    model = line_gan()
    model.compile(sgd(0.3), sgd(0.7), jit_compile=False)
    pixels = np.array([0, 64, 128, 250], np.uint8).reshape(4, 1, 1, 1)
    z, z2 = (model._training_normal([4, 1], stream).numpy()[:, 0] for stream in (0, 1))
    model._step((tf.constant(pixels),))

    a, b, c, d = 0.5, -0.25, 2.0, 0.125
    fakes = a * z + b
    slope = -sigmoid(-(c * fakes + d)) * c  # of softplus(-D(G(z))) by G(z)
    a, b = a - 0.3 * np.mean(slope * z), b - 0.3 * np.mean(slope)
    fakes, reals = a * z2 + b, pixels[:, 0, 0, 0] / 127.5 - 1
    of_fakes, of_reals = sigmoid(c * fakes + d), -sigmoid(-(c * reals + d))
    c, d = c - 0.7 * np.mean(of_fakes * fakes + of_reals * reals), d - 0.7 * np.mean(of_fakes + of_reals)
    np.testing.assert_allclose(weights_of(model), [a, b, c, d], rtol=1e-6)


@pytest.mark.parametrize("interval", [1, 4])
def test_r1_is_half_gamma_times_the_squared_slope(line_gan, interval):
    # D(x) = c x + d has the gradient c everywhere: the penalty is gamma / 2 c^2, its gradient gamma c.
    gamma, rate, pixels = 0.3, 0.1, tf.zeros([2, 1, 1, 1])
    with_r1, without = line_gan(gamma, interval), line_gan()
    for model in (with_r1, without):
        model.compile(sgd(rate), sgd(rate), jit_compile=False)
        model._step((pixels,))
    before = weights_of(with_r1)[2]
    if interval > 1:  # lazily, in a step of its own, times the interval
        assert weights_of(with_r1) == weights_of(without)
        with_r1._lazy_step(*with_r1._parts, (pixels,))
        step = before - weights_of(with_r1)[2]
        np.testing.assert_allclose(step, rate * interval * gamma * before, rtol=1e-5)
    else:
        np.testing.assert_allclose(weights_of(without)[2] - before, rate * gamma * 2.0, rtol=1e-5)


class Drift(TrainingPart):
    """A part of three lines: weight * E D(x)^2 of real images, the mean logit its state."""

    name, network, metric_names, variable_names = "drift", "discriminator", ("drift",), ("mean",)

    def loss(self, model, reals, labels):
        logits = model._logits(reals, labels, stream=6)
        self.log("drift", tf.reduce_mean(logits))
        self.variables["mean"].assign(tf.reduce_mean(logits))
        return 0.5 * tf.reduce_mean(logits**2)


@pytest.mark.parametrize("interval", [1, 3])
def test_a_model_adds_a_part_by_naming_it(line_gan, interval):
    part = Drift()
    part.interval, part.is_lazy = interval, interval > 1
    with_part, without = line_gan(), line_gan()
    with_part.training_parts = lambda: [part]
    for model in (with_part, without):
        model.compile(sgd(0.1), sgd(0.1), jit_compile=False)
        model._step((tf.zeros([2, 1, 1, 1]),))  # black, -1
    c, d = 2.0, 0.125
    if interval > 1:
        assert weights_of(with_part) == weights_of(without)
        c, d = weights_of(with_part)[2:]
        with_part._lazy_step(part, (tf.zeros([2, 1, 1, 1]),))
    logit = d - c  # its square has the slopes -2 logit by c, 2 logit by d
    moved = np.subtract(weights_of(with_part), weights_of(without))
    np.testing.assert_allclose(moved, [0, 0, 0.1 * interval * logit, -0.1 * interval * logit], atol=1e-6)
    results = with_part.get_metrics_result()
    np.testing.assert_allclose([results["drift"], part.variables["mean"]], logit, rtol=1e-6)
    assert "drift_mean" in with_part._state.named_variables()
    assert with_part.adam_settings("discriminator", 1.0)["learning_rate"] == (0.75 if interval > 1 else 1)


def test_parts_have_names_and_random_numbers_of_their_own():
    parts = [AdaptiveAugmentation, Growing, PathLength, R1]
    assert {*TrainingPart.__subclasses__()} - {Drift} == {*parts}
    assert len({part.name for part in parts}) == len(parts)
    streams = [0, 1, 2, *(stream for part in parts for stream in part.streams)]
    assert len(set(streams)) == len(streams) and max(streams) < 8


def test_lazy_steps_come_every_interval_and_are_not_counted(line_gan):
    model = line_gan(r1_gamma=1.0, r1_interval=4)
    model.compile(jit_compile=False)
    model.fit(np.zeros([2, 1, 1, 1], np.uint8), batch_size=2, epochs=9, verbose=0)
    assert model.steps == 9
    assert int(model.optimizer.iterations) == 9
    assert int(model.discriminator_optimizer.iterations) == 9 + 3  # at the steps 0, 4 and 8
    assert int(model._state.images) == 18


def test_adam_is_scaled_to_the_lazy_steps(line_gan, tiny_style):
    lazy, plain = line_gan(r1_gamma=1.0, r1_interval=16), line_gan(r1_gamma=1.0)
    c = 16 / 17
    assert lazy.adam_settings("discriminator", 0.002) == {
        "learning_rate": 0.002 * c, "beta_1": 0.0, "beta_2": 0.99**c, "epsilon": 1e-8,
    }  # fmt: skip
    for settings_ in (lazy.adam_settings("generator"), plain.adam_settings("discriminator")):
        assert settings_ == {"learning_rate": 0.002, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8}
    assert tiny_style().adam_settings("generator")["beta_2"] == 0.99 ** (4 / 5)


def test_averages_have_their_half_life_and_start_short():
    variable = keras.Variable(1.0)
    state = TrainingState((), (), [variable], ema_images=100.0)
    expected, seen = 1.0, 0
    for k in range(400):
        variable.assign(float(k))
        seen += 10
        state.count(tf.constant(10))
        state.average([variable], tf.constant(10))
        keep = 0.5 ** (10 / min(100.0, 0.05 * seen))
        expected = keep * expected + (1 - keep) * k
    np.testing.assert_allclose(float(state.averages[0]), expected, rtol=1e-5)
    # Behind a line that rises by 1 a step, an average of so many steps' memory lags by keep / (1 - keep).
    np.testing.assert_allclose(399 - expected, keep / (1 - keep), rtol=1e-3)


def test_fit_ends_with_the_averages_in_place(line_gan):
    model = line_gan()
    model.compile(sgd(0.5), sgd(0.5), ema_images=50.0, jit_compile=False)
    seen = []
    callback = keras.callbacks.LambdaCallback
    keep = callback(on_train_batch_end=lambda batch, logs: seen.append(weights_of(model)))
    model.fit(np.full([8, 1, 1, 1], 255, np.uint8), batch_size=2, epochs=5, verbose=0, callbacks=[keep])
    averages = [float(average) for average in model._state.averages]
    assert weights_of(model)[:2] == averages
    assert abs(averages[1] - seen[-1][1]) > 1e-3
    assert weights_of(model)[2:] == seen[-1][2:]  # the discriminator's are raw


def test_without_averages_fit_leaves_the_weights(line_gan):
    model = line_gan()
    model.compile(sgd(0.5), sgd(0.5), ema_images=0, jit_compile=False)
    model._step((tf.ones([2, 1, 1, 1]),))
    raw = weights_of(model)
    model.use_averages()
    assert weights_of(model) == raw and not model.has_averages


def test_two_replicas_equal_one(line_gan, mirrored_strategy, monkeypatch):
    # Noise belongs to a replica; without it, a batch and its two halves have the same gradients.
    monkeypatch.setattr(line_gan, "_training_normal", lambda self, shape, stream, part=0: tf.ones(shape))
    pixels = np.random.default_rng(0).integers(0, 256, [8, 1, 1, 1], np.uint8)
    results = []
    for strategy in (tf.distribute.get_strategy(), mirrored_strategy):
        with strategy.scope():
            model = line_gan(r1_gamma=0.5, r1_interval=2)
            model.compile(sgd(0.3), sgd(0.3), ema_images=20.0, jit_compile=False)
        data = tf.data.Dataset.from_tensor_slices(pixels).batch(4).repeat()
        history = model.fit(data, steps_per_epoch=6, verbose=0)
        logged = {name: values[0] for name, values in history.history.items()}
        results.append((weights_of(model), logged, int(model._state.images.numpy())))
    (one, logged_one, images_one), (two, logged_two, images_two) = results
    np.testing.assert_allclose(two, one, rtol=1e-5)
    assert images_one == images_two == 24
    for name, value in logged_one.items():
        np.testing.assert_allclose(logged_two[name], value, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("make", ["tiny_gan", "tiny_style"])
def test_a_resumed_training_ends_as_an_uninterrupted_one(make, request, tmp_path, eager_test):
    make = request.getfixturevalue(make)
    images = np.random.default_rng(1).integers(0, 256, [12, *make().image_shape], np.uint8)
    settings_ = {"batch_size": 4, "checkpoint_every": 3, "evaluate_every": 5, "ema": 0.9, "verbose": 0}
    # All lazy steps come at step 0, that of the path lengths at step 4 too.
    whole = train(make(), images, workdir=tmp_path / "whole", steps=5, **settings_)
    train(make(), images, workdir=tmp_path / "parts", steps=3, **settings_)
    parts = train(make(), images, workdir=tmp_path / "parts", steps=5, **settings_)
    assert parts.steps == whole.steps == 5
    for a, b in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7, err_msg=a.path)
    for a, b in zip(whole.training_variables, parts.training_variables, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=a.name)


def test_fit_asks_for_compile(tiny_gan):
    with pytest.raises(ValueError, match=r"is not compiled, expected `compile\(\)` before `fit`."):
        tiny_gan().fit(np.zeros([4, 8, 8, 1], np.uint8))


def test_a_gan_trains_with_adam_alone(tiny_gan, tmp_path):
    with pytest.raises(ValueError, match="optimizer: got 'sgd', expected 'adam' for"):
        train(tiny_gan(), np.zeros([8, 8, 8, 1], np.uint8), workdir=tmp_path, steps=1, optimizer="sgd",
              batch_size=4)  # fmt: skip


def test_images_stand_in_a_black_frame(tiny_style):
    model = tiny_style()
    images = np.random.default_rng(0).integers(0, 256, [2, 14, 14, 1], np.uint8)
    inner = model._from_unit(tf.constant(images)).numpy()
    assert inner.shape == (2, 16, 16, 1)
    np.testing.assert_allclose(inner[:, 1:15, 1:15], images / 127.5 - 1, atol=1e-6)
    frame = inner.copy()
    frame[:, 1:15, 1:15] = -1
    assert (frame == -1).all()
    np.testing.assert_allclose(model._to_unit(tf.constant(inner)), images / 255, atol=1e-6)
