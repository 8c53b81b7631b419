"""Flows of other kinds: without levels, with another base, conditioned on an image, with an iteration."""

import json
import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo import export
from latentzoo.bijectors.base import SinglePassBijector
from latentzoo.trainers import train
from latentzoo.zoo.conditions import ConditionImage
from latentzoo.zoo.flows import Flow

tfb, tfd = tfp.bijectors, tfp.distributions

SHAPE, D = (4, 4, 1), 16
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, [24, *SHAPE], np.uint8)
CENTERS = ((IMAGES + 0.5) / 256).astype(np.float32)
LABELS = np.arange(24) % 3
TRAINING = {"steps": 2, "batch_size": 8, "verbose": 0}


class PixelScale(Flow):
    """z = scale * (x - 1/2), flat: one map, no levels."""

    def __init__(self, image_shape=SHAPE, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.image_shape = tuple(image_shape)
        self.log_scale = self.add_weight(shape=image_shape, initializer="zeros", name="log_scale")
        self.built = True

    def bijector(self, condition=None):
        scale = tfb.Scale(log_scale=tf.convert_to_tensor(self.log_scale))
        return tfb.Chain([tfb.Reshape([D], self.image_shape), scale, tfb.Shift(-0.5)])


class LogisticScale(PixelScale):
    """Its latents are logistic, each class around a place of its own."""

    prior = "logistic"

    def base(self, condition=None):
        loc = (
            tf.zeros([D]) if condition is None else tf.cast(condition, tf.float32)[..., None] + tf.zeros([D])
        )
        return tfd.Independent(tfd.Logistic(loc, 1.0), 1)


class FixedLogisticScale(PixelScale):
    """The same place for all classes."""

    def base(self, condition=None):
        return tfd.Independent(tfd.Logistic(tf.zeros([D]), 1.0), 1)


class Difference(PixelScale):
    """z = scale * (x - w c) of another image c."""

    def __init__(self, image_shape=SHAPE, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.condition = ConditionImage(self.image_shape)
        self.w = self.add_weight(shape=(), initializer="ones", name="w")

    def bijector(self, condition=None):
        return tfb.Chain([super().bijector(), tfb.Shift(-tf.convert_to_tensor(self.w) * condition)])


class SineResidual(SinglePassBijector):
    """y = x + sin(x) / 2, undone by a fixed number of iterations."""

    def __init__(self, iterations):
        self._iterations, self.inverse_tolerance = iterations, 0.5**iterations
        super().__init__(forward_min_event_ndims=0)

    def _forward_and_log_det(self, x):
        return x + tf.sin(x) / 2, tf.math.log1p(tf.cos(x) / 2)

    def _inverse_and_log_det(self, y):
        x = y
        for _ in range(self._iterations):
            x = y - tf.sin(x) / 2
        return x, -self._forward_and_log_det(x)[1]


class SineFlow(PixelScale):
    def __init__(self, iterations=25, **kwargs):
        super().__init__(**kwargs)
        self.iterations = iterations

    def bijector(self, condition=None):
        return tfb.Chain([super().bijector(), SineResidual(self.iterations)])


for flow in (PixelScale, LogisticScale, FixedLogisticScale, Difference, SineFlow):
    keras.saving.register_keras_serializable(package="latentzoo_extensions")(flow)


@pytest.mark.parametrize("make", [PixelScale, LogisticScale, SineFlow, Difference])
def test_a_flow_without_levels_trains_with_evaluations(make, tmp_path):
    data = (IMAGES, IMAGES[::-1]) if make is Difference else IMAGES
    data = tf.data.Dataset.from_tensor_slices(data)
    model = train(make(), data, workdir=tmp_path, eval_dataset=data, evaluate_every=1, **TRAINING)
    assert model.steps == 2 and np.any(model.log_scale.numpy() != 0)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2] and all(line["num_examples"] == 24 for line in lines)
    assert not hasattr(model, "level_log_dets") and not model.training_histograms(IMAGES)


def shaken(model):
    model.log_scale.assign(RANDOM.normal(size=SHAPE) * 0.3)
    return model


def rows(model, n=4):
    return {"labels": LABELS[:n]} if model.num_classes else {}


@pytest.fixture
def eagerly(eager_test):
    return eager_test


@pytest.mark.parametrize("num_classes", [0, 3])
def test_the_density_of_a_flow_with_another_base(eagerly, num_classes):
    model = shaken(LogisticScale(num_classes=num_classes))
    log_scale, loc = model.log_scale.numpy().ravel(), LABELS[:4, None] if num_classes else 0.0
    z = np.exp(log_scale) * (CENTERS[:4].reshape(4, D) - 0.5)
    np.testing.assert_allclose(model.encode(IMAGES[:4], **rows(model)), z, rtol=1e-5, atol=1e-6)
    expected = (scipy.stats.logistic.logpdf(z, loc) + log_scale).sum(axis=1)
    np.testing.assert_allclose(model.log_prob(IMAGES[:4], **rows(model)), expected, rtol=1e-5)
    np.testing.assert_allclose(model.distribution(**rows(model)).log_prob(CENTERS[:4]), expected, rtol=1e-5)
    inputs = (IMAGES[:4], LABELS[:4]) if num_classes else IMAGES[:4]
    np.testing.assert_allclose(model(inputs), 8 - expected / (D * math.log(2)), rtol=1e-5)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_samples_of_another_base_are_its_own_row_by_row(eagerly, num_classes):
    model = LogisticScale(num_classes=num_classes)
    model.log_scale.assign(np.full(SHAPE, 4.0))  # so that hardly any pixel is clipped
    many = model.sample(600, seed=3, labels=2 if num_classes else None).numpy()
    few = model.sample(2, seed=[[3, 7], [3, 0]], labels=2 if num_classes else None)
    np.testing.assert_array_equal(few, many[[7, 0]])
    z = np.exp(4.0) * (many - 0.5).ravel() - (2 if num_classes else 0)
    assert scipy.stats.kstest(z, "logistic").pvalue > 1e-3


def test_a_temperature_scales_the_distance_from_the_mean_of_the_base(eagerly):
    model = LogisticScale(num_classes=3)
    model.log_scale.assign(np.full(SHAPE, 4.0))
    one, half, none = (model.sample(3, seed=1, temperature=t, labels=[0, 1, 2]) for t in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(none, model.decode(np.repeat(np.float32([[0], [1], [2]]), D, 1), [0, 1, 2]))
    np.testing.assert_allclose(half, (one + none) / 2, atol=1e-6)


def test_a_base_without_classes_serves_a_distribution_of_classes(eagerly):
    model = shaken(FixedLogisticScale(num_classes=3))
    distribution = model.distribution([[0, 1, 2], [2, 1, 0]])
    assert distribution.batch_shape == (2, 3)
    expected = np.tile(model.log_prob(IMAGES[:3], [0, 1, 2]), [2, 1])
    np.testing.assert_allclose(distribution.log_prob(CENTERS[:3]), expected, rtol=1e-6)
    assert len(np.unique(distribution.sample(seed=0))) == 2 * 3 * D


def test_a_flow_conditioned_on_an_image(eagerly):
    model = shaken(Difference())
    condition = IMAGES[::-1][:4]
    z = model.encode(IMAGES[:4], condition=condition)
    difference = CENTERS[:4] - CENTERS[::-1][:4] - 0.5
    np.testing.assert_allclose(z, (np.exp(model.log_scale) * difference).reshape(4, D), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.decode(z, condition=condition), CENTERS[:4], atol=1e-6)
    np.testing.assert_allclose(model.reconstruct(IMAGES[:4], condition=condition), CENTERS[:4], atol=1e-6)
    one_for_all = model.log_prob(IMAGES[:4], condition=condition[0])
    np.testing.assert_allclose(
        one_for_all[0], model.log_prob(IMAGES[:1], condition=condition[:1])[0], rtol=1e-6
    )
    np.testing.assert_allclose(
        model.distribution(condition=condition).log_prob(CENTERS[:4]),
        model.log_prob(IMAGES[:4], condition=condition), rtol=1e-6,
    )  # fmt: skip
    many = model.sample(4, seed=1, condition=condition)
    np.testing.assert_allclose(model.sample(1, seed=[[1, 2]], condition=condition[2]), many[2:3], atol=1e-6)
    path = model.interpolate(IMAGES[0], IMAGES[1], steps=3, condition=condition[0])
    np.testing.assert_allclose(path[::2], CENTERS[:2], atol=1e-6)
    assert model.initialize(IMAGES, condition=IMAGES) is None and model.initialized


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.sample(2), "condition is missing, expected 2 images of shape (4, 4, 1)."),
        (
            lambda m: m.sample(2, labels=0),
            "labels were given, but difference is conditioned on condition: expected condition.",
        ),
        (lambda m: m.sample(2, condition=IMAGES[:3]), "condition has 3 rows, expected 2, or one for all."),
        (lambda m: m.encode(IMAGES[:2], condition=IMAGES[:2, :2]), "condition has shape (2, 2, 4, 1)"),
        (lambda m: m.fit(IMAGES), "difference is conditioned on images and got no condition, expected"),
        (lambda m: m.fit(CENTERS, CENTERS - 1), "condition holds values from"),
        (
            lambda m: PixelScale(name="plain").sample(2, condition=IMAGES[:2]),
            "condition was given, but plain is unconditional: expected none.",
        ),
        (
            lambda m: PixelScale(name="classes", num_classes=3).sample(2, condition=IMAGES[:2]),
            "condition was given, but classes is conditioned on labels: expected labels.",
        ),
    ],
)  # fmt: skip
def test_another_condition_is_refused_in_one_sentence(eagerly, call, message):
    model = Difference(name="difference")
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(ValueError) as refused:
        call(model)
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


@pytest.mark.parametrize("micro_batches", ["micro_batches", "parallel_micro_batches"])
def test_fit_takes_pairs_of_images_and_conditions(eagerly, micro_batches):
    models = [Difference() for _ in range(3)]
    setattr(models[1], micro_batches, 3)
    data = [(IMAGES[:12], IMAGES[12:])] * 2 + [(tf.data.Dataset.from_tensors((IMAGES[:12], IMAGES[12:])),)]
    for model, given in zip(models, data, strict=True):
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        model.fit(*given, batch_size=12 if len(given) == 2 else None, shuffle=False, verbose=0)
    assert models[0].w.numpy() != 1
    np.testing.assert_allclose(models[2].w, models[0].w, rtol=1e-6)
    if micro_batches == "parallel_micro_batches":  # the others draw noise of their own
        np.testing.assert_allclose(models[1].w, models[0].w, rtol=1e-5)


def test_an_export_declares_the_condition(tmp_path):
    model = shaken(Difference())
    served = tf.saved_model.load(export.saved_model(model, tmp_path / "difference"))
    asked = served.signatures["encode"].structured_input_signature[1]
    assert asked["condition"].dtype == tf.uint8 and asked["condition"].shape.as_list() == [None, *SHAPE]
    given = {"images": tf.constant(IMAGES[:2]), "condition": tf.constant(IMAGES[2:4])}
    latents = served.signatures["encode"](**given)["latents"]
    np.testing.assert_allclose(latents, model.encode(IMAGES[:2], condition=IMAGES[2:4]), atol=1e-6)
    inputs, condition = model._input_signature()
    assert (inputs.name, condition.name, condition.shape) == ("images", "condition", (None, *SHAPE))


def test_an_iterative_inverse_restores_events_as_far_as_it_goes(eagerly):
    model = shaken(SineFlow())
    np.testing.assert_allclose(model.reconstruct(IMAGES), CENTERS, atol=1e-6)
    np.testing.assert_allclose(model.decode(np.array(model.encode(IMAGES))), CENTERS, atol=1e-6)
    model.iterations = 2
    with pytest.raises(ValueError, match="an inverse with a tolerance of 0.25, row 0 for one"):
        model.reconstruct(IMAGES)


@pytest.mark.parametrize(
    "old, new",
    [
        ("latent_size", "latent_dim"),
        ("accumulation", "micro_batches"),
        ("batch_parts", "parallel_micro_batches"),
    ],
)
def test_an_old_name_works_with_a_warning_and_is_not_listed(old, new):
    model = PixelScale()
    with pytest.warns(DeprecationWarning, match=f"{old} is {new} now"):
        assert getattr(model, old) == getattr(model, new)
    assert old not in dir(model) and new in dir(model)


def test_samples_are_counted_by_the_old_name_too(eagerly):
    with pytest.warns(DeprecationWarning, match="n is num_samples now"):
        assert PixelScale().sample(n=2).shape == (2, *SHAPE)
