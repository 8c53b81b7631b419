"""`fit` does what it is asked: targets, sizes of batches, labels of every batch, callbacks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from .small_fits import IMAGES, LABELS, SMALL, WEIGHTS, batches, compiled, fitted

# Targets.


def test_an_autoencoder_learns_to_give_the_targets():
    noisy = np.clip(IMAGES + 0.1, 0, 1)
    model = compiled("autoencoder", rate=0.0)
    errors = np.sum((model.reconstruct(noisy) - IMAGES) ** 2, axis=(1, 2, 3))
    history = fitted(model, noisy, IMAGES, validation_data=(noisy, IMAGES)).history
    ways = [*history["loss"], *history["val_loss"], model.evaluate(noisy, IMAGES, verbose=0)]
    np.testing.assert_allclose(ways, errors.mean(), rtol=1e-5)


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_images_as_their_own_targets_change_nothing(name, assert_same_weights):
    models = [compiled(name), compiled(name)]
    fitted(models[0], IMAGES)
    fitted(models[1], IMAGES, IMAGES)
    assert_same_weights(*models)


def test_the_encoder_of_a_vae_sees_the_images_and_the_likelihood_is_of_the_targets():
    model = compiled("vae", likelihood="gaussian", rate=0.0)
    noise = np.zeros([12, 2], np.float32)
    images, targets = tf.constant(IMAGES), tf.constant(1 - IMAGES)
    reconstruction, kl = model._parts(images, noise, None, targets)
    output = model.decoder(model._posterior.sample(model._parameters(images, None), noise)[0])
    np.testing.assert_allclose(
        reconstruction, model._likelihood.distribution(output).log_prob(targets), rtol=1e-5
    )
    np.testing.assert_allclose(kl, model.kl_per_dimension(IMAGES), rtol=1e-5)


@pytest.mark.parametrize("name", ["glow", "realnvp", "gan"])
def test_who_has_no_targets_says_so(name):
    with pytest.raises(ValueError, match=r"y has the shape of x, .*has no targets"):
        fitted(compiled(name), IMAGES, IMAGES)


@pytest.mark.parametrize(
    "y, message",
    [
        (IMAGES[:, :2], r"y has shape \(12, 2, 4, 1\), expected \[N, 4, 4, 1\]."),
        (IMAGES[..., 0], r"y has shape \(12, 4, 4\), expected \[N, 4, 4, 1\]."),
        (IMAGES * 255, "y holds values from"),
    ],
)
def test_targets_of_a_wrong_kind(y, message):
    with pytest.raises(ValueError, match=message):
        fitted(compiled("autoencoder"), IMAGES, y)


def test_a_loss_of_ones_own_is_refused():
    with pytest.raises(ValueError, match="loss is 'mse', expected None"):
        SMALL["autoencoder"]().compile("adam", "mse")


# Batches of any size.


@pytest.mark.parametrize("weights", [None, WEIGHTS[:11]])
@pytest.mark.parametrize("micro_batches, size", [(4, 11), (4, 8), (5, 3)])
def test_micro_batches_of_uneven_batches_give_the_gradient_of_the_batch(
    micro_batches, size, weights, assert_same_weights
):
    whole, parts = compiled("autoencoder"), compiled("autoencoder")
    parts.micro_batches = micro_batches
    losses = [
        fitted(model, IMAGES[:11], sample_weight=weights, batch_size=size).history["loss"]
        for model in (whole, parts)
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
    assert_same_weights(parts, whole, tolerance=1e-6)


@pytest.mark.parametrize(
    "name, setting", [("glow", "parallel_micro_batches"), ("autoencoder", "micro_batches")]
)
def test_micro_batches_set_after_a_training_are_used(name, setting, assert_same_weights):
    models = [compiled(name) for _ in range(2)]
    for model in models:
        fitted(model, IMAGES[:11])
    setattr(models[0], setting, 3)
    assert models[0].train_function is None
    for model in models:
        fitted(model, IMAGES[:11], batch_size=9)  # the last batch has 2 examples
    assert_same_weights(*models, tolerance=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS[:7]])
@pytest.mark.parametrize("micro_batches", [1, 2])
def test_replicas_share_an_uneven_batch(mirrored_strategy, micro_batches, weights, assert_same_weights):
    """Batches of 4, then of 3; of 6, then of 1, where a replica has none."""
    models = []
    for strategy in (tf.distribute.get_strategy(), mirrored_strategy):
        with strategy.scope():
            model = SMALL["autoencoder"]()
            model.compile(optimizer=keras.optimizers.SGD(1e-2), jit_compile=False)
        model.micro_batches = micro_batches
        losses = [
            fitted(model, IMAGES[:7], sample_weight=weights, batch_size=size).history["loss"]
            for size in (4, 6)
        ]
        models.append((model, losses))
    np.testing.assert_allclose(models[1][1], models[0][1], rtol=1e-5)
    assert_same_weights(models[1][0], models[0][0], tolerance=1e-5)


@pytest.mark.parametrize("name", ["autoencoder", "glow"])
def test_steps_per_execution_changes_nothing(name, assert_same_weights):
    models = []
    for count in (1, 3):
        model = SMALL[name](num_classes=3)
        model.compile(
            optimizer=keras.optimizers.SGD(1e-2), steps_per_execution=count, jit_compile=False
        )  # fmt: skip
        fitted(model, IMAGES, LABELS, batch_size=3)
        assert model.steps == 4
        models.append(model)
    assert_same_weights(*models)


# Labels.


def streams():
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 3, -1])
    yield "tf.data", lambda model: fitted(model, batches(IMAGES, labels, size=4), batch_size=None)
    yield (
        "generator",
        lambda model: fitted(
            model, ((IMAGES[k : k + 4], labels[k : k + 4]) for k in (0, 4, 8)), batch_size=None
        ),
    )
    yield "arrays", lambda model: fitted(model, IMAGES, labels, batch_size=4)
    yield "train_on_batch", lambda model: [model.train_on_batch(IMAGES[k:], labels[k:]) for k in (8,)]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("stream", dict(streams()))
def test_a_label_out_of_range_is_named_before_its_step(name, stream):
    model = compiled(name, num_classes=3)
    with pytest.raises(ValueError, match=r"labels are from -1 to 3, expected integers in \[0, 3\)."):
        dict(streams())[stream](model)
    # What initializes a model is drawn from all batches of a dataset before the first step.
    at_once = stream in ("arrays", "train_on_batch") or (stream == "tf.data" and name in ("glow", "realnvp"))
    assert model.steps == (0 if at_once else 2)


@pytest.mark.parametrize("labels", [np.full(12, 3), LABELS + 0.0, np.eye(3)[LABELS]])
def test_labels_of_validation_are_checked_before_training(labels):
    model = compiled("glow", num_classes=3)
    with pytest.raises(ValueError, match="labels"):
        fitted(model, IMAGES, LABELS, validation_data=(IMAGES, labels))
    assert model.steps == 0
    with pytest.raises(ValueError, match="labels"):
        model.evaluate(batches(IMAGES, labels, size=4), verbose=0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["autoencoder", "gan"])
def test_labels_may_be_a_column(name, stream, assert_same_weights):
    models = [compiled(name, num_classes=3) for _ in range(2)]
    for model, labels in zip(models, (LABELS, LABELS[:, None]), strict=True):
        fitted(model, *([batches(IMAGES, labels)] if stream else [IMAGES, labels]), batch_size=None)
    assert_same_weights(*models)


def test_every_example_of_an_array_is_looked_at():
    images = np.tile(IMAGES, (200, 1, 1, 1))
    images[1234] = np.nan
    model = compiled("autoencoder")
    for x, y in ((images, None), (np.zeros(images.shape, np.uint8), images)):
        with pytest.raises(ValueError, match="holds NaN"):
            fitted(model, x, y, batch_size=1200)
    with pytest.raises(ValueError, match="holds NaN"):
        fitted(model, IMAGES, validation_data=(images,))
    with pytest.raises(ValueError, match="holds values from 0 to 255"):
        model.test_on_batch(255 * np.round(IMAGES))


def test_predict_takes_labels_beside_the_images():
    model = compiled("autoencoder", num_classes=3)
    losses = model((IMAGES, LABELS))
    for given in ([IMAGES, LABELS], batches(IMAGES, LABELS, size=5)):
        np.testing.assert_allclose(model.predict(given, verbose=0), losses, rtol=1e-6)
    with pytest.raises(ValueError, match=r"3 classes and got images alone, expected \(images, labels\)."):
        model.predict(IMAGES, verbose=0)
    for given in ([IMAGES, LABELS + 1], batches(IMAGES, LABELS + 1, size=5)):
        with pytest.raises(ValueError, match=r"labels are from 1 to 3, expected integers in \[0, 3\)."):
            model.predict(given, verbose=0)


# Initialization.


def test_an_array_initializes_by_a_draw_over_all_of_it_that_the_seed_decides(assert_same_weights):
    images = np.repeat(np.arange(4, dtype=np.uint8)[:, None, None, None] * 60, 4, 1).repeat(4, 2)
    images = np.repeat(images, 200, axis=0)  # sorted: 200 of each grey
    models = [compiled("glow", rate=0.0, preprocess="equalize") for _ in range(3)]
    fitted(models[0], images, batch_size=400)
    fitted(models[1], tf.constant(images), batch_size=200)
    fitted(models[2], batches(images, size=200), batch_size=None)
    for model in models[::2]:
        (histogram,) = [w.numpy() for w in model.weights if w.path.endswith("histogram")]
        np.testing.assert_allclose(histogram[[0, 60, 120, 180]], 0.25, atol=0.1)
    assert_same_weights(*models[:2])


def test_what_has_weight_0_or_validates_does_not_initialize(assert_same_weights):
    models = [compiled("glow", rate=0.0) for _ in range(5)]
    models[0].initialize(IMAGES[:8])
    fitted(models[1], IMAGES, validation_split=1 / 3)
    fitted(models[2], IMAGES, sample_weight=np.arange(12) < 8)
    models[3].train_on_batch(IMAGES[:8])
    fitted(models[4], batches(IMAGES, LABELS, np.arange(12) < 8, size=5), batch_size=None)
    for model in models[1:]:
        assert_same_weights(model, models[0])


# What x may be.


def test_a_list_of_images_is_read(assert_same_weights):
    models = [compiled("autoencoder") for _ in range(2)]
    pixels = (IMAGES * 255).astype(np.uint8)
    fitted(models[0], pixels)
    fitted(models[1], list(pixels), list(LABELS))
    assert_same_weights(*models)
    np.testing.assert_array_equal(models[0].encode(list(pixels)), models[0].encode(pixels))


@pytest.mark.parametrize(
    "x, message",
    [
        ({"image": IMAGES}, "x is of type dict, expected an array, or batches from a tf.data.Dataset"),
        (tf.ragged.constant([[1, 2], [3]]), "x is of type RaggedTensor, expected an array"),
        (3, "x is of type int, expected an array"),
        ([IMAGES, LABELS], "x is a list of parts that differ in shape, expected one array."),
        (tf.data.Dataset.from_tensors({"image": IMAGES}), "images is of type dict and makes no array"),
    ],
)
def test_what_is_no_batch_of_images(x, message):
    with pytest.raises(ValueError, match=message):
        fitted(compiled("autoencoder"), x, batch_size=None)


# Callbacks.


def test_a_model_comes_back_compiled_and_goes_on_as_if_never_saved(tmp_path, assert_same_weights):
    models = [compiled("autoencoder") for _ in range(2)]
    for model in models:
        model.compile(optimizer=keras.optimizers.Adam(1e-2), run_eagerly=True)
    fitted(models[0], IMAGES, epochs=4)
    save = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
    fitted(models[1], IMAGES, epochs=2, callbacks=[save])
    loaded = keras.models.load_model(tmp_path / "model.keras")
    fitted(loaded, IMAGES, epochs=4, initial_epoch=2)
    assert loaded.steps == 4
    assert_same_weights(loaded, models[0])
