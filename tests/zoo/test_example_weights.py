"""`fit` weighs examples and classes as it is asked."""

import numpy as np
import pytest
import tensorflow as tf

from .small_fits import IMAGES, LABELS, SMALL, WEIGHTS, batches, compiled, fitted


def test_the_weighted_loss_is_the_mean_of_weights_times_losses():
    model = compiled("autoencoder", rate=0.0)
    expected = np.mean(WEIGHTS * model(IMAGES))
    ways = [
        fitted(model, IMAGES, sample_weight=WEIGHTS).history["loss"][0],
        fitted(model, IMAGES, LABELS, sample_weight=WEIGHTS[:, None]).history["loss"][0],
        fitted(model, batches(IMAGES, LABELS, WEIGHTS), batch_size=None).history["loss"][0],
        fitted(model, batches(IMAGES, LABELS, WEIGHTS, size=5), batch_size=None).history["loss"][0],
        fitted(model, IMAGES, LABELS, class_weight={0: 0.0, 1: 1.0, 2: 2.0}).history["loss"][0]
        * expected / np.mean(LABELS * model(IMAGES)),
        fitted(model, IMAGES, validation_data=(IMAGES, None, WEIGHTS)).history["val_loss"][0],
        model.evaluate(IMAGES, sample_weight=WEIGHTS, verbose=0),
        model.evaluate(IMAGES, sample_weight=WEIGHTS, batch_size=5, verbose=0),
        model.train_on_batch(IMAGES, sample_weight=WEIGHTS),
        model.test_on_batch(IMAGES, sample_weight=WEIGHTS),
    ]  # fmt: skip
    np.testing.assert_allclose(ways, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["autoencoder", "vae", "glow"])
def test_an_example_of_weight_0_is_not_trained_on(name, assert_same_weights):
    other = IMAGES.copy()
    other[WEIGHTS == 0] = 0.0
    models = [compiled(name), compiled(name)]
    for model, images in zip(models, (IMAGES, other), strict=True):
        fitted(model, images, sample_weight=WEIGHTS, epochs=2)
    assert_same_weights(*models)
    plain = compiled(name)
    fitted(plain, IMAGES, epochs=2)
    with pytest.raises(AssertionError):
        assert_same_weights(plain, models[0])


@pytest.mark.parametrize(
    "data, message",
    [
        ({"sample_weight": np.ones(11)}, "sample_weight has 11 rows and x has 12"),
        ({"y": LABELS[:11]}, "y has 11 rows and x has 12"),
        ({"sample_weight": np.full(12, np.nan)}, "sample_weight is not finite"),
        ({"sample_weight": np.zeros(12)}, "0 for every example"),
        ({"class_weight": {0: 1.0}}, "class_weight was given without labels"),
        ({"y": IMAGES, "class_weight": {0: 1.0}}, "class_weight was given without labels"),
        ({"x": batches(IMAGES), "class_weight": {0: 1.0}}, "class_weight was given without labels"),
        ({"x": batches(IMAGES, IMAGES), "class_weight": {0: 1.0}}, "class_weight was given without labels"),
        ({"y": LABELS, "class_weight": {"boot": 1.0}}, "class_weight has the key 'boot', expected classes"),
        ({"y": LABELS, "class_weight": {-1: 1.0}}, "class_weight has the key -1, expected classes"),
    ],
)
def test_weights_that_belong_to_no_examples(data, message):
    with pytest.raises(ValueError, match=message):
        fitted(compiled("autoencoder"), **{"x": IMAGES, **data})


@pytest.mark.parametrize("stream", [False, True])
def test_a_class_without_a_weight_has_the_weight_1(stream, assert_same_weights):
    data = (batches(IMAGES, LABELS),) if stream else (IMAGES, LABELS)
    models = [compiled("autoencoder", num_classes=3) for _ in range(2)]
    for model, weights in zip(models, ({0: 3.0}, {0: 3.0, 1: 1.0, 2: 1.0}), strict=True):
        fitted(model, *data, batch_size=None if stream else 12, class_weight=weights)
    assert_same_weights(*models)
    message = "class_weight has the key 3, expected classes: integers below 3."
    with pytest.raises(ValueError, match=message):
        fitted(models[0], *data, batch_size=None if stream else 12, class_weight={3: 1.0})
    with pytest.raises(ValueError, match=message):
        models[0].train_on_batch(IMAGES, LABELS, class_weight={3: 1.0})


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("num_classes", [0, 3])
def test_labels_in_a_dict(name, num_classes):
    data = tf.data.Dataset.from_tensor_slices((IMAGES, {"label": LABELS})).batch(12)
    with pytest.raises(ValueError, match="y is of type dict, expected one array, such as labels."):
        fitted(compiled(name, num_classes=num_classes), data, batch_size=None)


def test_weights_of_a_wrong_shape():
    with pytest.raises(ValueError, match=r"sample_weight has shape \(12, 4\), expected \[N\]."):
        fitted(compiled("autoencoder"), IMAGES, sample_weight=np.ones([12, 4]))
    with pytest.raises(ValueError, match="sample_weight was given, but free_bits"):
        fitted(compiled("vae", free_bits=1.0), IMAGES, sample_weight=WEIGHTS)
