"""Distances of sets of features: closed forms, SciPy, known answers on tiny sets, degenerate ones."""

import sys
import warnings

import numpy as np
import pytest
import scipy.linalg

from latentzoo.metrics import FeatureSets
from latentzoo.metrics.density_coverage import coverage, density
from latentzoo.metrics.frechet_distance import frechet_distance, gaussian_distance, moments
from latentzoo.metrics.inception_score import inception_score, score
from latentzoo.metrics.kernel_distance import kernel_distance, squared_discrepancy
from latentzoo.metrics.neighbors import squared_distances, squared_radii
from latentzoo.metrics.precision_recall import precision, recall

module = sys.modules[kernel_distance.__module__]


def sets(real, fake, **options) -> FeatureSets:
    probabilities = np.full([len(fake), 2], 0.5)
    return FeatureSets(np.asarray(real), np.asarray(fake), probabilities, "means", "of a test", **options)


def random_covariance(rng, size, rank):
    a = rng.standard_normal([size, rank])
    return a @ a.T


def test_two_gaussians_in_closed_form():
    # Commuting covariances: sum of (m - m')^2 + (s - s')^2 along each axis of a common basis.
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal([6, 6]))[0]
    s, t = rng.uniform(0, 2, [2, 6])
    mean_a, mean_b = rng.standard_normal([2, 6])
    found = gaussian_distance(mean_a, (basis * s**2) @ basis.T, mean_b, (basis * t**2) @ basis.T)
    np.testing.assert_allclose(found, np.sum((mean_a - mean_b) ** 2) + np.sum((s - t) ** 2), rtol=1e-10)


@pytest.mark.parametrize("size", [1, 2, 30])
def test_the_square_root_is_scipys(size):
    rng = np.random.default_rng(size)
    a, b = (random_covariance(rng, size, size + 5) for _ in range(2))
    expected = np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    np.testing.assert_allclose(gaussian_distance(np.zeros(size), a, np.zeros(size), b), expected, rtol=1e-7)


def test_degenerate_covariances():
    rng = np.random.default_rng(0)
    low = random_covariance(rng, 20, 3)
    zero = np.zeros([20, 20])
    mean = np.zeros(20)
    assert abs(gaussian_distance(mean, low, mean, low)) < 1e-6 * np.trace(low)
    np.testing.assert_allclose(gaussian_distance(mean, low, mean, zero), np.trace(low))
    np.testing.assert_allclose(gaussian_distance(mean, zero, mean + 1, zero), 20)
    # Ranges at right angles have no overlap.
    a, b = np.diag([1.0] * 10 + [0.0] * 10), np.diag([0.0] * 10 + [1.0] * 10)
    np.testing.assert_allclose(gaussian_distance(mean, a, mean, b), 20)


def test_the_distance_of_samples_nears_that_of_their_distributions():
    rng = np.random.default_rng(0)
    real = rng.standard_normal([20000, 3])
    fake = 2 * rng.standard_normal([20000, 3]) + 1
    entry = frechet_distance(sets(real, fake))
    assert abs(entry["value"] - 6) < 4 * entry["standard_error"] < 0.4
    assert entry["name"] == "frechet_distance (means)" and entry["num_examples"] == 20000


def test_its_standard_error_is_the_scatter_over_new_samples():
    rng = np.random.default_rng(0)
    entries = [
        frechet_distance(sets(rng.standard_normal([400, 2]), rng.normal(1, 2, [300, 2]))) for _ in range(300)
    ]
    scatter = np.std([entry["value"] for entry in entries], ddof=1)
    np.testing.assert_allclose(np.mean([entry["standard_error"] for entry in entries]), scatter, rtol=0.12)


def test_a_set_has_no_distance_to_itself_moved_or_in_another_order():
    features = np.random.default_rng(0).standard_normal([200, 5])
    assert abs(frechet_distance(sets(features, features[::-1]))["value"]) < 1e-9
    moved = frechet_distance(sets(features, features + 3))["value"]
    np.testing.assert_allclose(moved, 45, rtol=1e-9)


def test_moments_of_one_feature_are_matrices():
    mean, covariance = moments(np.array([[1.0], [3.0]]))
    assert mean.tolist() == [2] and covariance.tolist() == [[2]]


def test_fewer_samples_than_features_are_warned_of():
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal([100, 20]), rng.standard_normal([15, 20])
    with pytest.warns(UserWarning, match="frechet_distance of 15 samples with 20 features") as record:
        entry = frechet_distance(sets(real, fake))
    assert len(record) == 1 and np.isfinite([entry["value"], entry["standard_error"]]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(sets(real, np.concatenate([fake, fake, real])))


def test_the_kernel_distance_by_sums_over_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal([5, 3]), rng.standard_normal([4, 3])

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 3

    expected = np.mean([kernel(a[i], a[j]) for i in range(5) for j in range(5) if i != j])
    expected += np.mean([kernel(b[i], b[j]) for i in range(4) for j in range(4) if i != j])
    expected -= 2 * np.mean([kernel(x, y) for x in a for y in b])
    np.testing.assert_allclose(squared_discrepancy(a, b), expected)


@pytest.fixture
def small_subsets(monkeypatch):
    monkeypatch.setattr(module, "SUBSETS", 20)
    monkeypatch.setattr(module, "SUBSET_SIZE", 50)


def test_the_kernel_distance_is_not_biased(small_subsets):
    rng = np.random.default_rng(0)
    values = [squared_discrepancy(*rng.standard_normal([2, 10, 4])) for _ in range(2000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(2000)
    far = kernel_distance(sets(rng.standard_normal([90, 4]), rng.standard_normal([80, 4]) + 1))
    assert far["value"] > 10 * far["standard_error"] > 0
    assert far["protocol"] == "20 subsets of 50; of a test"


def test_the_subsets_are_of_the_seed(small_subsets):
    features = np.random.default_rng(0).standard_normal([2, 70, 2])
    values = [kernel_distance(sets(*features, seed=seed))["value"] for seed in (0, 1, 0)]
    assert values[0] == values[2] != values[1]
    whole = kernel_distance(sets(*features[:, :50]))
    np.testing.assert_allclose(whole["value"], squared_discrepancy(*features[:, :50]))
    assert whole["standard_error"] is None and whole["protocol"].startswith("1 subset of 50;")


def test_distances_strip_by_strip():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal([1203, 4]) + 1e4, rng.standard_normal([50, 4]) + 1e4
    expected = ((a[:, None] - b[None]) ** 2).sum(-1)
    np.testing.assert_allclose(np.concatenate(list(squared_distances(a, b))), expected, atol=1e-9)
    among = np.sort(((a[:, None] - a[None]) ** 2).sum(-1), axis=1)
    np.testing.assert_allclose(squared_radii(a, 3), among[:, 3], atol=1e-9)


def test_a_point_twice_is_its_own_neighbor():
    assert squared_radii(np.array([[0.0], [0.0], [6.0]]), 1).tolist() == [0, 0, 36]


def test_precision_and_recall_of_clusters():
    rng = np.random.default_rng(0)
    first, second, third = (rng.uniform(0, 1, [100, 2]) + place for place in (0, 10, 20))
    # The samples: the real first cluster, and a cluster where there is nothing; the second is missed.
    real, fake = np.concatenate([first, second]), np.concatenate([first[:50], third[:50]])
    found = [metric(sets(real, fake)) for metric in (precision, recall, coverage)]
    assert found[0]["value"] == 0.5 and found[0]["standard_error"] == pytest.approx(0.05)
    assert 0.4 < found[1]["value"] <= 0.5 and 0.4 < found[2]["value"] <= 0.5
    same = [metric(sets(real, real))["value"] for metric in (precision, recall, coverage)]
    assert same == [1.0, 1.0, 1.0]


def test_density_counts_balls_and_is_not_swayed_by_an_outlier():
    # Six points a step apart, and one far out, whose ball is huge: k = 5.
    real = np.array([[0.0], [1], [2], [3], [4], [5], [1000]])
    near = density(sets(real, [[2.5], [2.5]]))
    # Within the fifth neighbor's distance: 5, 4, 3, 3, 4, 5 of the six, and 999 of the last: 7 balls.
    assert near["value"] == pytest.approx(7 / 5)
    assert density(sets(real, [[500.0], [1500.0]]))["value"] == pytest.approx(1 / 5)
    assert precision(sets(real, [[500.0], [1500.0]]))["value"] == 1.0


def test_density_and_coverage_of_the_data_itself_are_1():
    rng = np.random.default_rng(0)
    both = sets(rng.standard_normal([2000, 3]), rng.standard_normal([2000, 3]))
    found = density(both)
    assert abs(found["value"] - 1) < 5 * found["standard_error"] < 0.2
    # A ball of k neighbors holds none of as many samples with probability 2^-k.
    assert coverage(both)["value"] == pytest.approx(1 - 2**-5, abs=0.015)


def test_inception_scores_in_closed_form():
    assert score(np.full([8, 4], 0.25)) == pytest.approx(1)
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    mean = p.mean(axis=0)
    assert score(p) == pytest.approx(np.exp((p * np.log(p / mean)).sum(axis=1).mean()))
    features = np.zeros([100, 1])
    entry = inception_score(FeatureSets(features, features, np.tile(p[:1], [100, 1]), "means", "here"))
    assert entry["value"] == pytest.approx(1) and entry["standard_error"] == pytest.approx(0, abs=1e-12)
    assert entry["protocol"] == "samples alone, in 10 shuffled parts; here"


@pytest.mark.parametrize("sure", [np.repeat(np.eye(10), 200, axis=0), np.tile(np.eye(10), [200, 1])])
def test_inception_score_of_samples_sorted_by_class(sure):
    features = np.zeros([2000, 1])
    entry = inception_score(FeatureSets(features, features, sure, "means", "here"))
    assert 9.5 < entry["value"] < 10 and entry["standard_error"] < 0.1


@pytest.mark.parametrize(
    "real, fake, message",
    [
        (np.zeros([0, 3]), np.zeros([4, 3]), "real: got features of shape [0, 3], expected [N, F] of at"),
        (np.zeros([4, 3]), np.zeros([1, 3]), "fake: got features of shape [1, 3], expected [N, F] of at"),
        (np.zeros([4]), np.zeros([4, 3]), "real: got features of shape [4], expected [N, F]"),
        (np.zeros([4, 3]), np.zeros([4, 2]), "fake must have as many features as real, got 2 and 3."),
        (np.zeros([4, 3]), np.full([4, 3], np.nan), "fake: got features with NaN or infinity, expected"),
    ],
)
def test_sets_without_statistics_are_refused(real, fake, message):
    with pytest.raises(ValueError) as error:
        sets(real, fake)
    assert str(error.value).startswith(message)


def test_too_few_points_for_k_are_refused():
    with pytest.raises(ValueError, match="k: got 3, expected from 1 to 2, for 3 points."):
        precision(sets(np.zeros([3, 1]), np.zeros([3, 1])))
