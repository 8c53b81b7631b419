"""Path lengths and separability: closed forms on a painter whose images are its latents."""

import numpy as np
import pytest

from latentzoo import metrics
from latentzoo.metrics import latents
from latentzoo.metrics.linear_separability import conditional_entropies, conditional_entropy
from latentzoo.metrics.perceptual_path_length import EPSILON, trimmed
from latentzoo.zoo.slerp import slerp
from latentzoo.zoo.vaes import VAE

SEPARABILITY = ["linear_separability_z", "linear_separability_w"]


@pytest.fixture
def squared_error(monkeypatch):
    """The squared distance of mean halves in place of the perceptual distance: that of 0.1 z."""

    def distance(a, b):
        return ((np.float64(a) - np.float64(b)) ** 2).mean(axis=(1, 2, 3)) * 2

    module = "latentzoo.metrics.perceptual_path_length"
    monkeypatch.setattr(f"{module}.perceptual_distance", distance)


def path_length(model, name, **options):
    images = np.zeros([4, 4, 4, 1], np.uint8)
    options = {"num_examples": 400, "verbose": False, **options}
    (entry,) = metrics.evaluate(model, images, names=[f"perceptual_path_length_{name}"], **options)
    return entry


def test_path_lengths_in_closed_form(painter, style_painter, squared_error):
    rows = np.stack([np.zeros(400), np.arange(400)], axis=1).astype(np.int32)
    a, b = (latents.draw_latents(painter, rows, stream).astype(np.float64) for stream in (0, 1))
    t = latents.draw_uniform(rows, 2).astype(np.float64)

    def in_z(t):
        steps = 0.1 * (slerp(a, b, t + EPSILON) - slerp(a, b, t)) / EPSILON
        return trimmed((steps**2).sum(axis=1)).mean()

    for name, places in (("z", t), ("z_end", np.zeros_like(t))):
        assert path_length(painter, name)["value"] == pytest.approx(in_z(places), rel=1e-2)
    # A straight line in w is as steep everywhere: (0.1 (b^3 - a^3))^2, whatever the noise.
    expected = trimmed(((0.1 * (b**3 - a**3)) ** 2).sum(axis=1)).mean()
    for name in ("w", "w_end"):
        assert path_length(style_painter, name)["value"] == pytest.approx(expected, rel=1e-2)
    short = path_length(style_painter, "w", truncation=0.5)
    assert short["value"] == pytest.approx(expected / 4, rel=1e-2) and short["truncation"] == 0.5


def test_the_mean_leaves_out_the_ends():
    assert trimmed(np.arange(101.0)).tolist() == list(range(1, 100))
    assert trimmed(np.array([5.0])).tolist() == [5.0]


def test_the_perceptual_record_seeds_and_batches(painter, style_painter):
    first = path_length(style_painter, "w", num_examples=9, seed=2)
    assert first["name"] == "perceptual_path_length_w (squeezenet1.1)"
    assert first["protocol"] == (
        "samples alone, distance of squeezenet1.1, 7 layers, unit-normalised, unweighted; images of 64 to "
        "256 px; 9 paths, epsilon 0.0001, percentiles 1 to 99, seed 2"
    )
    assert path_length(style_painter, "w", num_examples=9, seed=2) == first
    assert path_length(style_painter, "w", num_examples=9, seed=3)["value"] != first["value"]
    # Differences of 1e-4 of what is painted are near float32's steps.
    other = path_length(style_painter, "w", num_examples=9, seed=2, batch_size=4)
    assert other["value"] == pytest.approx(first["value"], rel=0.02)


def test_priors_and_options_that_paths_do_not_have_are_refused(painter, pixel_flow):
    vae = VAE(
        image_shape=(4, 4, 1), latent_dim=3, levels=1, depth=0, width=4, prior="vampprior", components=2
    )
    with pytest.raises(ValueError, match="model: got one with the prior 'vampprior', expected a standard"):
        path_length(vae, "z")
    with pytest.raises(ValueError, match="temperature: got 0.5, expected none: paths are of the prior"):
        path_length(pixel_flow(), "z", temperature=0.5)
    rough = VAE(image_shape=(4, 4, 1), latent_dim=3, levels=1, depth=0, width=4, dtype="mixed_bfloat16")
    with pytest.raises(ValueError, match="model: got one that computes in bfloat16, expected float32"):
        path_length(rough, "z")


def test_conditional_entropies_by_hand():
    y = np.array([1, 1, 1, 0], bool)
    log = np.log
    assert conditional_entropy(y, y) == conditional_entropy(y, ~y) == 0
    all_one = -(0.75 * log(0.75) + 0.25 * log(0.25))
    assert conditional_entropy(y, np.ones(4, bool)) == pytest.approx(all_one)
    told = np.array([1, 1, 0, 0], bool)
    assert conditional_entropy(y, told) == pytest.approx(0.5 * log(2))


def test_separability_of_known_latents():
    rng = np.random.default_rng(0)
    z = rng.standard_normal([4000, 3])
    linear, random = z @ [1.0, 2.0, 0.0], rng.standard_normal(4000)
    round_ = (z**2).sum(axis=1) - 2.37  # a ball, of half of them
    entropies = conditional_entropies(z, np.stack([linear, random, round_], axis=1))
    assert entropies[0] < 0.02
    np.testing.assert_allclose(entropies[1:], np.log(2), atol=0.03)
    never = conditional_entropies(z, np.full([4000, 1], -1.0))
    assert never.tolist() == [0]


def test_separability_of_a_painter(style_painter, paintings, halves):
    """Which half is brighter is a plane of z, and nearly one of w = z^3."""
    options = {"num_examples": 600, "network": "halves", "verbose": False, "seed": 1}
    found = metrics.evaluate(style_painter, paintings, names=SEPARABILITY, **options)
    for entry, name in zip(found, SEPARABILITY, strict=True):
        assert entry["name"] == f"{name} (halves)" and 1 <= entry["value"] < 1.2
        assert len(entry["entropies"]) == 2 and entry["standard_error"] is None
        assert "2 logistic regressions on 300 labelled images" in entry["protocol"]
    assert metrics.evaluate(style_painter, paintings, names=SEPARABILITY, **options) == found
    others = metrics.evaluate(style_painter, paintings, names=SEPARABILITY, **options, batch_size=17)
    for entry, other in zip(found, others, strict=True):
        assert entry["value"] == pytest.approx(other["value"], rel=1e-3)


def test_separability_needs_labels_of_two_classes(painter, paintings, halves):
    images, labels = paintings
    options = {"names": SEPARABILITY[:1], "num_examples": 20, "network": "halves", "verbose": False}
    with pytest.raises(ValueError, match="^dataset: got images without labels, expected"):
        metrics.evaluate(painter, images, **options)
    with pytest.raises(ValueError, match="^dataset: got images of 1 class, expected at least 2.$"):
        metrics.evaluate(painter, (images, labels * 0), **options)
