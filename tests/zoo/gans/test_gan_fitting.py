"""`fit` of GANs: all steps, no data that is not used, and a state that comes back from every file."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

IMAGES = np.random.default_rng(0).integers(0, 256, [8, 1, 1, 1], np.uint8)


@pytest.fixture
def line(line_gan):
    """A LineGAN, compiled; arguments as `compile`'s."""

    def make(**options):
        model = line_gan(r1_gamma=0.5, r1_interval=2)
        model.compile(**{"run_eagerly": True, "ema_images": 20.0, **options})
        return model

    return make


def fitted(model, **kwargs):
    return model.fit(IMAGES, **{"batch_size": 4, "shuffle": False, "verbose": 0, **kwargs})


def assert_same_training(a, b):
    assert a.steps == b.steps
    for x, y in zip(a.weights + a.training_variables, b.weights + b.training_variables, strict=True):
        np.testing.assert_array_equal(x, y)


def test_steps_per_execution_takes_all_steps_and_the_lazy_ones_in_their_turn(line):
    models = [line(run_eagerly=False, jit_compile=False, steps_per_execution=count) for count in (1, 3)]
    for model in models:
        fitted(model, batch_size=1)
    assert int(models[0].discriminator_optimizer.iterations) == 8 + 4
    assert_same_training(*models)


def test_logs_have_no_number_for_a_lazy_step_that_did_not_come(line):
    history = fitted(line(), batch_size=8, epochs=4).history  # with R1 in every other step
    assert {len(values) for values in history.values()} == {4}
    assert np.isnan(history["r1"]).tolist() == [False, True, False, True]
    assert history["r1"][0] == pytest.approx(2.0**2, rel=0.01)  # D has the slope 2 at first
    assert not np.isnan([history[name] for name in history if name != "r1"]).any()


@pytest.mark.parametrize(
    "data, reason",
    [
        ({"validation_data": (IMAGES,)}, r"metrics\.evaluate"),
        ({"validation_split": 0.5}, r"metrics\.evaluate"),
        ({"sample_weight": np.ones(8)}, "no loss per example"),
        ({"class_weight": {0: 1.0}}, "no loss per example"),
    ],
)
def test_what_a_gan_cannot_use_is_refused_before_the_first_step(line, data, reason):
    model = line()
    with pytest.raises(ValueError, match=f"{next(iter(data))} was given, expected none: .*{reason}"):
        fitted(model, **data)
    assert model.steps == 0


def test_there_is_no_evaluation_and_no_prediction(line):
    model, weighted = line(), tf.data.Dataset.from_tensors((IMAGES, np.zeros(8), np.ones(8)))
    for call in (model.evaluate, model.test_on_batch, model.predict, model.predict_on_batch):
        with pytest.raises(ValueError, match=f"has no {call.__name__}: "):
            call(IMAGES)
    with pytest.raises(ValueError, match="sample_weight was given, expected none"):
        model.fit(weighted, verbose=0)
    assert model.steps == 0


def test_train_on_batch_takes_a_step(line):
    models = [line(), line()]
    fitted(models[0], batch_size=8)
    logs = models[1].train_on_batch(IMAGES, return_dict=True)
    models[1].use_averages()
    assert set(logs) == {"loss", "generator_loss", "real_sign", "fake_sign", "r1"}
    assert_same_training(*models)


class Stop(keras.callbacks.Callback):
    """What a process does that dies at the start of an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_backup_and_restore_goes_on_to_the_bit(line, tmp_path):
    whole, first, second = line(), line(), line()
    fitted(whole, epochs=4)

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(KeyboardInterrupt):
        fitted(first, epochs=4, callbacks=[backup(), Stop()])
    fitted(second, epochs=4, callbacks=[backup()])
    assert_same_training(second, whole)


def test_a_saved_model_is_compiled_and_goes_on_to_the_bit(tiny_style, tmp_path, eager_test):
    """A StyleGAN2 with augmentation, whose probability and path lengths belong to the state."""
    images = np.random.default_rng(1).integers(0, 256, [4, 14, 14, 1], np.uint8)
    models = [tiny_style(augment="ada", ada_images=20) for _ in range(2)]
    for model in models:
        model.compile(run_eagerly=True, ema_images=50.0)
    settings = {"batch_size": 2, "shuffle": False, "verbose": 0}
    save = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    models[0].fit(images, epochs=3, callbacks=[save], **settings)
    loaded = keras.models.load_model(tmp_path / "2.keras")
    assert loaded.steps == 4
    loaded.fit(images, epochs=3, initial_epoch=2, **settings)
    assert_same_training(loaded, models[0])
    # Weights alone, into a model that is not compiled.
    models[0].save_weights(tmp_path / "all.weights.h5")
    plain = tiny_style(augment="ada", ada_images=20)
    plain.load_weights(tmp_path / "all.weights.h5")
    for a, b in zip(plain.weights, models[0].weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_early_stopping_restores_the_best_weights_after_the_averages(line):
    model, seen = line(), []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    # A loss that only grows: the first epoch is the best.
    stop = keras.callbacks.EarlyStopping("step", patience=1, mode="min", restore_best_weights=True, verbose=0)
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(step=epoch))
    fitted(model, epochs=9, callbacks=[keep, count, stop])
    assert len(seen) == 2
    for a, b in zip(model.get_weights(), seen[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_version_0_1_have_the_augmentation_under_its_old_name(tiny_style, tmp_path):
    models = [tiny_style(augment="ada", seed=seed) for seed in (0, 1)]
    models[0].augmentation.p.assign(0.25)
    path = tmp_path / "old.weights.h5"
    models[0].save_weights(path)
    with h5py.File(path, "r+") as file:
        file.move("augmentation", "augment")
    models[1].load_weights(path)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("frozen", ["generator", "discriminator"])
@pytest.mark.parametrize("again", [True, False])
def test_a_frozen_network_stands_still(tiny_style, frozen, again, eager_test):
    model = tiny_style()
    model.compile(run_eagerly=True)
    network = getattr(model, frozen)
    network.trainable = False
    if again:
        model.compile(run_eagerly=True)
    before, other = network.get_weights(), model.get_weights()
    model.fit(np.zeros([2, 14, 14, 1], np.uint8), batch_size=2, verbose=0)
    for a, b in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.any(a != b) for a, b in zip(model.get_weights(), other, strict=True))


def test_the_last_batch_may_be_of_any_size(tiny_style, eager_test):
    model = tiny_style(minibatch_group=4)
    model.compile(run_eagerly=True)
    model.fit(np.zeros([13, 14, 14, 1], np.uint8), batch_size=8, verbose=0)
    assert model.steps == 2 and all(np.isfinite(weight).all() for weight in model.get_weights())
