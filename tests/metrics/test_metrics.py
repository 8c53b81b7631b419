import math

import numpy as np
import pytest
import tensorflow as tf

from latentzoo import metrics
from latentzoo.zoo.images import dequantize


@pytest.fixture
def pixels(images):
    return (images * 255).astype(np.uint8)


def test_float_images_in_closed_form(pixel_flow, images):
    model = pixel_flow()
    (entry,) = metrics.evaluate(model, images, verbose=False)
    scores = 8 - model.closed_form_log_prob(images.astype(np.float64)) / (16 * math.log(2))
    np.testing.assert_allclose(entry["value"], scores.mean(), rtol=1e-6)
    np.testing.assert_allclose(entry["standard_error"], scores.std(ddof=1) / 8, rtol=1e-4)


def test_the_noise_is_uniform_in_the_bins(pixel_flow):
    # With z = x, the expected bits/dim over the noise are known: E x^2 over a bin.
    model = pixel_flow()
    model.shift.assign(tf.zeros([16]))
    black = np.zeros([2000, 4, 4, 1], np.uint8)
    (entry,) = metrics.evaluate(model, black, verbose=False)
    expected = 8 + (0.5 / (3 * 256**2) + 0.5 * math.log(2 * math.pi)) / math.log(2)
    assert abs(entry["value"] - expected) < 4 * entry["standard_error"] + 1e-6


def test_the_entry(pixel_flow, pixels):
    (entry,) = metrics.evaluate(
        pixel_flow(), pixels, dataset_name="made up", split="valid", num_examples=10, seed=3, verbose=False
    )
    del entry["value"], entry["standard_error"]
    assert entry == {
        "name": "bits_per_dim",
        "unit": "bits/dim",
        "dataset": "made up",
        "split": "valid",
        "num_examples": 10,
        "protocol": "uniform dequantisation, 1 sample, noise seed 3; 10 of 64 examples, drawn with seed 3",
    }


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_the_batch_size_does_not_matter(pixel_flow, pixels, batch_size):
    model = pixel_flow()
    model.log_scale.assign(tf.fill([16], 3.0))
    (entry,) = metrics.evaluate(model, pixels, batch_size=batch_size, verbose=False)
    scores = model.bits_per_dim(pixels, seed=0).numpy().astype(np.float64)
    np.testing.assert_allclose(entry["value"], scores.mean(), rtol=1e-6)


def test_seeds(pixel_flow, pixels):
    model = pixel_flow()
    values = [metrics.evaluate(model, pixels, seed=seed, verbose=False)[0]["value"] for seed in (0, 1, 0)]
    assert values[0] == values[2] != values[1]


def test_log_prob_in_closed_form(pixel_flow, pixels):
    model = pixel_flow()
    (entry,) = metrics.evaluate(model, pixels, names=["log_prob"], verbose=False)
    centres = dequantize(tf.constant(pixels), 0.5).numpy().astype(np.float64)
    expected = model.closed_form_log_prob(centres)
    np.testing.assert_allclose(entry["value"], expected.mean(), rtol=1e-6)
    assert entry["unit"] == "nats"


def test_one_example_has_no_standard_error(pixel_flow, pixels):
    (entry,) = metrics.evaluate(pixel_flow(), pixels, num_examples=1, verbose=False)
    assert entry["standard_error"] is None and entry["num_examples"] == 1


def test_the_labels_of_an_unconditional_model_are_dropped(pixel_flow, pixels):
    model = pixel_flow()
    with_labels = metrics.evaluate(model, (pixels, np.arange(64)), verbose=False)
    assert with_labels == metrics.evaluate(model, pixels, verbose=False)


def test_progress_is_shown_if_asked(pixel_flow, pixels, capsys):
    metrics.evaluate(pixel_flow(), pixels, batch_size=16)
    printed = capsys.readouterr()
    assert "64/64 examples" in printed.err and printed.out == ""
    metrics.evaluate(pixel_flow(), pixels, verbose=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_examples": 0}, "num_examples: got 0, expected at least 1."),
        ({"batch_size": 0}, "batch_size: got 0, expected at least 1."),
        ({"temperature": 0.5}, "temperature: got 0.5, expected none: no metric of samples was requested."),
    ],
)
def test_bad_arguments(pixel_flow, pixels, change, message):
    with pytest.raises(ValueError) as error:
        metrics.evaluate(pixel_flow(), pixels, verbose=False, **change)
    assert str(error.value) == message


def test_unknown_metrics_are_refused(pixel_flow, pixels):
    with pytest.raises(ValueError) as error:
        metrics.evaluate(pixel_flow(), pixels, names=["fid"])
    known = sorted(metrics.names_for(pixel_flow()))
    assert str(error.value) == f"names: got 'fid', expected any of {known}."
    assert {"bits_per_dim", "log_prob", "frechet_distance"} < set(known)


def test_bad_datasets(pixel_flow, pixels):
    with pytest.raises(ValueError, match="^dataset: got no examples, expected at least one.$"):
        metrics.evaluate(pixel_flow(), pixels[:0], verbose=False)
    with pytest.raises(ValueError, match="^dataset: got examples without labels"):
        metrics.evaluate(pixel_flow(num_classes=3), pixels, verbose=False)
