"""Sample quality by `metrics.evaluate`: records, seeds, batches, the cache, every family."""

import numpy as np
import pytest

from latentzoo import metrics
from latentzoo.data.draws import drawn_numbers
from latentzoo.metrics.feature_sets import compare_images, compare_samples, real_features
from latentzoo.metrics.frechet_distance import frechet_distance
from latentzoo.metrics.samples import as_bytes, labels_like
from latentzoo.zoo.vaes import VAE

OPTIONS = {"network": "halves", "verbose": False, "num_examples": 200}
NAMES = [name for name, metric in metrics.METRICS.items() if "features" in metric.needs]


def evaluate(model, images, names=NAMES, **options):
    entries = metrics.evaluate(model, images, names=names, **{**OPTIONS, **options})
    return {entry["name"].split(" ")[0]: entry for entry in entries}


def test_the_record(painter, paintings, halves):
    found = evaluate(painter, paintings, seed=3, truncation=0.5, dataset_name="paintings", split="test")
    assert list(found) == NAMES
    entry = found["frechet_distance"]
    value, error = entry.pop("value"), entry.pop("standard_error")
    assert value > 0 and error > 0
    assert entry == {
        "name": "frechet_distance (halves)",
        "unit": "squared distance",
        "protocol": (
            "halves (sha256 111111111111), means, bilinear to 4x4; "
            "200 of 300 real images, drawn with seed 3, 200 samples, seed 3, truncation 0.5"
        ),
        "num_examples": 200,
        "dataset": "paintings",
        "split": "test",
        "truncation": 0.5,
    }


def test_good_samples_score_well_and_bad_ones_do_not(painter, paintings, halves):
    good, narrow = (evaluate(painter, paintings, num_examples=300, truncation=psi) for psi in (1.0, 0.2))
    assert good["frechet_distance"]["value"] < 0.1 * narrow["frechet_distance"]["value"]
    assert good["kernel_distance"]["value"] < narrow["kernel_distance"]["value"]
    assert good["recall"]["value"] > 0.9 > 0.5 > narrow["recall"]["value"]
    assert narrow["precision"]["value"] > 0.9 and good["density"]["value"] > 0.9
    assert good["coverage"]["value"] > 0.9 > narrow["coverage"]["value"]
    assert good["inception_score"]["value"] > narrow["inception_score"]["value"]


@pytest.mark.parametrize("batch_size", [1, 20, 70])
def test_the_batch_size_does_not_matter(painter, paintings, halves, batch_size, monkeypatch):
    expected = evaluate(painter, paintings, num_examples=50)
    monkeypatch.setenv("LATENTZOO_CACHE", "elsewhere-and-empty")
    monkeypatch.setattr("latentzoo.metrics.feature_sets.cached_features", lambda name, compute: compute())
    for name, entry in evaluate(painter, paintings, num_examples=50, batch_size=batch_size).items():
        assert entry["value"] == pytest.approx(expected[name]["value"], rel=1e-5, abs=1e-9)


def test_seeds(painter, paintings, halves):
    first, second, third = (evaluate(painter, paintings, seed=seed) for seed in (0, 1, 0))
    assert first == third
    assert all(first[name]["value"] != second[name]["value"] for name in ("frechet_distance", "precision"))


def test_the_first_samples_of_many_are_the_samples_of_few(painter, paintings, halves):
    images, _ = paintings
    many, few = (
        compare_samples(painter, images, network=halves, num_examples=n, verbose=False) for n in (150, 40)
    )
    np.testing.assert_array_equal(many.fake[:40], few.fake)
    np.testing.assert_array_equal(many.real[:40], few.real)


def test_features_of_real_images_are_cached(painter, paintings, halves, cache):
    images, _ = paintings
    evaluate(painter, images)
    assert halves.seen == 400 and len(list(cache.iterdir())) == 1
    again = evaluate(painter, images)
    assert halves.seen == 600
    other = images.copy()
    other[199, 0, 0] ^= 1
    evaluate(painter, other)  # another pixel
    evaluate(painter, images, num_examples=199)  # another number
    evaluate(painter, images, split="other")  # another split
    assert len(list(cache.iterdir())) == 4 and all(path.suffix == ".npz" for path in cache.iterdir())
    halves.checksum = "2" * 64  # other weights
    evaluate(painter, images)
    assert len(list(cache.iterdir())) == 5
    halves.checksum = "1" * 64
    assert evaluate(painter, images) == again


def test_a_folder_is_cached_once_however_its_path_is_spelled(
    painter, paintings, halves, cache, tmp_path, monkeypatch
):
    (tmp_path / "images").mkdir()
    (tmp_path / "link").symlink_to("images")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("images", "./images/", "link", "~/images", str(tmp_path / "images")):
        evaluate(painter, paintings, names=["precision"], dataset_name=name)
        assert len(list(cache.iterdir())) == 1
    evaluate(painter, paintings, names=["precision"], dataset_name="no_folder")
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_is_made_anew(painter, paintings, halves, cache):
    expected = evaluate(painter, paintings)
    (path,) = cache.iterdir()
    for damage in (b"", path.read_bytes()[:-30], b"no archive"):
        path.write_bytes(damage)
        assert evaluate(painter, paintings) == expected
        assert list(cache.iterdir()) == [path] and np.load(path)["features"].shape == (200, 2)


def test_a_cache_that_cannot_be_written_is_warned_of(painter, paintings, halves, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="features cannot be cached in '.*file/features': Not a directory."):
        evaluate(painter, paintings, names=["precision"])


def test_the_floor_is_lower_than_the_models(painter, paintings, halves):
    images, _ = paintings
    sets = compare_images(painter, images[:150], images[150:], network=halves, verbose=False)
    floor = frechet_distance(sets)
    assert floor["value"] < evaluate(painter, images, truncation=0.5)["frechet_distance"]["value"]
    assert floor["protocol"].endswith("150 real images, 150 images of train")


def test_flows_and_vaes_are_scored_alike(pixel_flow, paintings, halves):
    images, _ = paintings
    tiny = {"image_shape": (4, 4, 1), "latent_dim": 3, "levels": 1, "depth": 0, "width": 4}
    for model in (pixel_flow(), VAE(**tiny)):
        assert set(NAMES) < set(metrics.names_for(model))
        values = [
            evaluate(model, images, ["frechet_distance"], **options)["frechet_distance"]["value"]
            for options in ({}, {"temperature": 0.1}, {"temperature": 1.0})
        ]
        assert values[0] == values[2] != values[1]


def test_a_conditional_model_samples_the_labels_of_the_data(pixel_flow, paintings, halves, monkeypatch):
    images, labels = paintings
    model = pixel_flow(num_classes=2)
    asked = []
    sample = model.sample

    def watched(n, seed, labels):
        asked.extend(labels)
        return sample(n, seed=seed, labels=labels)

    monkeypatch.setattr(model, "sample", watched)
    compare_samples(model, (images[:30], labels[:30]), network=halves, num_examples=64, verbose=False)
    np.testing.assert_array_equal(asked[:60], np.tile(labels[:30], 2))
    np.testing.assert_array_equal(asked[60:], labels[:30][drawn_numbers(30, 4, seed=0)])


def test_a_part_of_a_sorted_set_is_of_all_its_classes(painter, pixel_flow, halves):
    labels = np.repeat(np.arange(4), 25)
    images = np.full([100, 4, 4, 1], 60, np.uint8) * labels[:, None, None, None].astype(np.uint8)
    settings = (halves, 40, 16, False, "sorted", "test")
    sets = [real_features(painter, images, *settings, seed) for seed in (0, 1)]
    for features in sets:
        shares = np.unique(np.rint(features[:, 0] * 255 / 60), return_counts=True)[1]
        assert len(shares) == 4 and shares.min() >= 4
    assert not np.array_equal(*sets)
    for num in (40, 140):  # fewer samples than images, and more
        counts = np.bincount(labels_like(pixel_flow(num_classes=4), (images, labels), num, seed=0))
        assert len(counts) == 4 and counts.min() >= num / 4 - 8


def test_pixels_of_gans_are_rounded_and_those_of_flows_are_bins(painter, pixel_flow):
    values = np.arange(256)
    assert as_bytes(painter, (values / 255).astype(np.float32)).tolist() == values.tolist()
    assert as_bytes(pixel_flow(), ((values + 0.5) / 256).astype(np.float32)).tolist() == values.tolist()
    assert as_bytes(painter, np.array([-0.1, 0.0019, 0.0021, 1.1])).tolist() == [0, 0, 1, 255]


def test_a_model_without_scores_has_none_by_default(painter, paintings, halves):
    assert metrics.evaluate(painter, paintings) == []
    assert metrics.names_for(painter)[0] == "frechet_distance"
    assert "perceptual_path_length_w" not in metrics.names_for(painter)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temperature": 0.5}, "temperature: got 0.5, expected none: a Painter has no temperature."),
        ({"num_examples": 1}, "real: got features of shape [1, 2], expected [N, F] of at least 2 images."),
        ({"network": "half"}, "network must be a feature network, got 'half': did you mean halves?"),
        ({"batch_size": 0}, "batch_size: got 0, expected at least 1."),
    ],
)
def test_bad_arguments(painter, paintings, halves, options, message):
    with pytest.raises(ValueError) as error:
        evaluate(painter, paintings, **options)
    assert str(error.value) == message


def test_an_empty_or_one_image_set_is_refused(painter, paintings, halves):
    images, _ = paintings
    with pytest.raises(ValueError, match="^dataset: got no examples, expected at least one.$"):
        evaluate(painter, images[:0])
    with pytest.raises(ValueError, match="^real: got features of shape .1, 2., expected .* 2 images.$"):
        evaluate(painter, images[:1])


def test_progress_is_shown_if_asked(painter, paintings, halves, capsys):
    evaluate(painter, paintings, verbose=True, names=["precision"])
    printed = capsys.readouterr()
    assert printed.err.count("200/200") >= 2 and printed.out == ""
    evaluate(painter, paintings, names=["precision"])
    assert capsys.readouterr().err == ""
