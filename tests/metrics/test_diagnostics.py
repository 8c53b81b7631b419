"""Likelihoods of two data sets, typicality, neighbors, maps: known answers, and files that can be read."""

import math

import numpy as np
import pytest
from PIL import Image

from latentzoo.data.draws import drawn_numbers
from latentzoo.metrics import plots
from latentzoo.metrics.latent_map import latent_map
from latentzoo.metrics.likelihood import atypical_batches, images_of, log_likelihoods
from latentzoo.metrics.nearest_neighbors import nearest_neighbors
from latentzoo.zoo.flows import RealNVP
from latentzoo.zoo.vaes import VAE


def test_log_likelihoods_are_the_models(pixel_flow, images):
    model = pixel_flow()
    expected = -math.log(2) * images[0].size * np.asarray(model.bits_per_dim(images, seed=2))
    for batch_size in (7, 64):
        found = log_likelihoods(model, images, batch_size=batch_size, seed=2, verbose=False)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    points = np.random.default_rng(0).standard_normal([9, 2]).astype(np.float32)
    of_points = RealNVP(event_shape=(2,), depth=2, width=4)
    found = log_likelihoods(of_points, points, batch_size=4, verbose=False)
    np.testing.assert_allclose(found, of_points.log_prob(points), rtol=1e-5)
    vae = VAE(image_shape=(4, 4, 1), latent_dim=3, levels=1, depth=0, width=4)
    found = log_likelihoods(vae, images, num_examples=9, batch_size=4, seed=2, verbose=False)
    np.testing.assert_allclose(found, vae.elbo(images[drawn_numbers(64, 9, seed=2)], seed=2), rtol=1e-4)


def test_a_model_without_likelihoods_is_refused(painter, paintings):
    with pytest.raises(ValueError, match="model: got a Painter, expected one with likelihoods."):
        log_likelihoods(painter, paintings[0])


def test_likelier_data_are_not_typical():
    rng = np.random.default_rng(0)
    reference, own, likelier, wider = rng.standard_normal([4, 20000])
    assert atypical_batches(reference, own)["rejected"] == pytest.approx(0.01, abs=0.006)
    assert atypical_batches(reference, likelier + 2)["rejected"] > 0.99
    assert atypical_batches(reference, 10 * wider)["rejected"] > 0.7
    test = atypical_batches(reference, own[:105], batch_size=25)
    assert test["batches"] == 4
    # Means of 25 standard normal numbers, 99% of them within 2.576 / 5.
    assert test["threshold"] == pytest.approx(2.576 / 5, rel=0.1)


def test_fewer_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="log_likelihoods: got 9 numbers, expected at least a batch of 10."):
        atypical_batches(np.zeros(20), np.zeros(9))


def test_images_by_number(painter, paintings):
    images, labels = paintings
    numbers = np.array([250, 3, 77])
    np.testing.assert_array_equal(images_of((images, labels), numbers, painter), images[numbers])


@pytest.mark.parametrize("batch_size", [1, 64, 1000])
def test_nearest_neighbors_by_sorting_all(painter, paintings, batch_size):
    images, labels = paintings
    samples = np.asarray(painter.sample(6, seed=3))
    training = (images[:70], labels[:70])
    distances, neighbors = nearest_neighbors(
        samples, painter, training, k=3, batch_size=batch_size, verbose=False
    )
    pixels = np.floor(samples * 256).clip(0, 255)
    every = np.sqrt((((pixels[:, None] - images[None, :70]) / 255.0) ** 2).mean(axis=(2, 3, 4)))
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :3], atol=1e-7)
    expected = images[np.argsort(every, axis=1, kind="stable")[:, :3]]
    np.testing.assert_array_equal(neighbors, expected)


def test_a_remembered_image_is_found(painter, paintings):
    images, _ = paintings
    distances, neighbors = nearest_neighbors(images[5:7], painter, images, k=1, verbose=False)
    np.testing.assert_allclose(distances, 0, atol=1e-7)
    np.testing.assert_array_equal(neighbors[:, 0], images[5:7])
    with pytest.raises(ValueError, match="k: got 5, expected from 1 to 3, the number of training images."):
        nearest_neighbors(images, painter, images[:3])


def test_the_old_name_works_for_one_version():
    with pytest.warns(DeprecationWarning, match="nearest_neighbours is .*nearest_neighbors now"):
        from latentzoo.metrics.nearest_neighbours import nearest_neighbours
    assert nearest_neighbours is nearest_neighbors


def test_principal_directions():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal([10, 10]))[0]
    coordinates = rng.standard_normal([200, 10]) * [9, 5, *[0.01] * 8]
    coordinates -= coordinates.mean(axis=0)
    places = latent_map(coordinates @ basis + 7)
    for k in range(2):
        assert abs(np.corrcoef(places[:, k], coordinates[:, k])[0, 1]) > 0.99
    flat = coordinates[:, :2]
    np.testing.assert_allclose(latent_map(flat), flat)


def test_tsne_keeps_clusters_apart_and_repeats():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    latents = rng.standard_normal([60, 5]) + 20 * labels[:, None]
    places = latent_map(latents, "tsne", seed=1)
    within = max(np.ptp(places[labels == k], axis=0).max() for k in (0, 1))
    middles = [places[labels == k].mean(axis=0) for k in (0, 1)]
    assert np.linalg.norm(middles[0] - middles[1]) > within / 2
    np.testing.assert_array_equal(places, latent_map(latents, "tsne", seed=1))


@pytest.mark.parametrize(
    "latents, method, message",
    [
        (np.zeros([5, 3]), "umap", "method: got 'umap', expected any of pca, tsne."),
        (np.zeros([2, 3]), "pca", "latents have shape (2, 3), expected [N, D] with N at least 3 and D"),
    ],
)
def test_maps_that_cannot_be_made(latents, method, message):
    with pytest.raises(ValueError) as error:
        latent_map(latents, method)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "save",
    [
        lambda **options: plots.save_histogram({"clothes": np.arange(9.0)}, "nats", **options),
        lambda **options: plots.save_curves([0.5, 1.0], {"recall": [0.2, 0.4]}, "psi", **options),
        lambda **options: plots.save_map(np.eye(2), None, **options),
    ],
)
def test_a_title_stands_above_the_axes(save, tmp_path):
    for name, title in (("without", ""), ("with", "likelihoods of images")):
        save(path=tmp_path / f"{name}.png", title=title)
    without, titled = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("without", "with"))
    rows = np.flatnonzero((titled[..., :3] < 128).any(axis=(1, 2)))
    assert (titled[rows[0]] != without[rows[0]]).any() and np.diff(rows).max() > 1


def test_figures_are_drawn_whole_or_not_at_all(tmp_path):
    rng = np.random.default_rng(0)
    both = {"clothes": rng.standard_normal(50), "digits": rng.standard_normal(50) + 5}
    plots.save_histogram(both, "log p in nats", tmp_path / "a.png")
    plots.save_map(rng.standard_normal([20, 2]), np.arange(20) % 3, tmp_path / "b.png")
    plots.save_map(rng.standard_normal([20, 2]), None, tmp_path / "c.png", title="of nothing", axis="x")
    plots.save_curves([0.5, 1.0], {"precision": [0.9, 0.7], "recall": [0.2, 0.4]}, "psi", tmp_path / "d.png")
    told = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "elbo": -3.0, "num_examples": 5}]
    plots.save_history(told, tmp_path / "e.png")
    for name, colors in (("a.png", 3), ("b.png", 4), ("c.png", 2), ("d.png", 3), ("e.png", 2)):
        picture = np.asarray(Image.open(tmp_path / name).convert("RGB"))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) >= colors
    with pytest.raises(FileNotFoundError):
        plots.save_histogram(both, "", tmp_path / "none" / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png", "d.png", "e.png"]
