"""Directions: a planted one is found, and w moves along it where it should."""

import numpy as np
import pytest

from latentzoo.zoo.gans.directions import Direction, fit_direction, move

W_DIM = 12


@pytest.fixture(scope="module")
def planted():
    """w with correlated numbers, a direction, and noisy labels of which one in four is True."""
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.standard_normal([W_DIM, W_DIM]))[0]
    w = 3 + random.standard_normal([4000, W_DIM]) @ (np.linspace(0.3, 1, W_DIM)[:, np.newaxis] * turn)
    unit = random.standard_normal(W_DIM)
    unit /= np.linalg.norm(unit)
    along = w @ unit
    noisy = along + 0.05 * along.std() * random.standard_normal(len(w))
    return w, unit, noisy > np.quantile(noisy, 0.75)


def test_a_planted_direction_is_found_and_has_the_length_of_the_spread(planted):
    w, unit, labels = planted
    found = fit_direction(w, labels)
    length = np.linalg.norm(found.vector)
    assert found.vector @ unit / length > 0.99
    assert length == pytest.approx((w @ found.vector / length).std(), rel=1e-5)
    assert found.accuracy > 0.95


def test_its_unit_and_its_place_change_nothing_else(planted):
    w, _, labels = planted
    found, scaled = fit_direction(w, labels), fit_direction(100 * w - 7, labels)
    np.testing.assert_allclose(scaled.vector, 100 * found.vector, rtol=1e-4)
    assert scaled.accuracy == found.accuracy
    np.testing.assert_array_equal(fit_direction(w, labels.astype(int)).vector, found.vector)
    opposite = fit_direction(w, ~labels)
    np.testing.assert_allclose(opposite.vector, -found.vector, rtol=1e-3, atol=1e-4)


def test_of_w_with_styles_the_mean_counts(planted):
    w, _, labels = planted
    noise = np.random.default_rng(1).standard_normal([len(w), 2, W_DIM])
    styles = w[:, np.newaxis] + np.stack([noise[:, 0], -noise[:, 0], noise[:, 1], -noise[:, 1]], axis=1)
    expected = fit_direction(w, labels).vector
    np.testing.assert_allclose(fit_direction(styles, labels).vector, expected, rtol=1e-4, atol=1e-6)


def test_an_attribute_without_a_reason_has_the_accuracy_of_chance(planted):
    labels = np.random.default_rng(2).random(len(planted[0])) < 0.1
    assert fit_direction(planted[0], labels).accuracy == pytest.approx(0.5, abs=0.08)


def test_w_moved_far_enough_has_the_attribute(planted):
    w, unit, labels = planted
    found = fit_direction(w, labels)
    threshold = np.quantile(w @ unit, 0.75)
    assert (move(w, found, 5.0).numpy() @ unit > threshold).mean() > 0.99
    assert (move(w, found, -5.0).numpy() @ unit > threshold).mean() < 0.01


def test_moving_takes_a_strength_for_each_row_and_some_of_the_styles():
    w = np.random.default_rng(3).standard_normal([2, 3, 4]).astype(np.float32)
    vector = np.arange(4, dtype=np.float32)
    moved = move(w, Direction(vector, 1.0), [0.5, -2.0], np.array([False, True, False])).numpy()
    np.testing.assert_array_equal(moved[:, [0, 2]], w[:, [0, 2]])
    np.testing.assert_allclose(moved[:, 1] - w[:, 1], [0.5 * vector, -2 * vector], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(move(w[:, 0], vector, 1.0), w[:, 0] + vector)


@pytest.mark.parametrize(
    "w, labels, message",
    [
        (np.zeros([20]), np.ones(20, bool), r"w has shape \[20\], expected \[N, w_dim\] or"),
        (np.full([20, 2], np.nan), np.ones(20, bool), "w has values that are not finite."),
        (np.zeros([20, 2]), np.arange(20) < 10, "w has 20 rows that are all the same"),
        (np.eye(20), np.arange(20), r"attribute is int64 \[20\], expected 20 of True and False"),
        (np.eye(20), np.ones(19, bool), r"attribute is bool \[19\], expected 20 of"),
        (np.eye(20), np.arange(20) < 4, "attribute has 4 of 20 True, expected 5 True and 5 False"),
    ],
)
def test_errors_of_fitting_say_what_came(w, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_direction(w, labels)


def test_errors_of_moving_say_what_came():
    w, vector = np.zeros([2, 3, 4]), np.ones(4)
    with pytest.raises(ValueError, match=r"direction has shape \[3\], expected \[4\]"):
        move(w, vector[:3], 1.0)
    with pytest.raises(ValueError, match=r"strength has shape \[3\], expected \[\] or \[2\]"):
        move(w, vector, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"layers is bool \[2\], expected bool \[3\]"):
        move(w, vector, 1.0, [True, False])
    with pytest.raises(ValueError, match=r"layers is bool \[4\], expected None for w of shape \[N, w_dim\]"):
        move(w[:, 0], vector, 1.0, np.ones(4, bool))


def test_a_model_finds_and_moves_along_a_direction(style_model):
    w = style_model.mapping(np.random.default_rng(0).standard_normal([200, 8]).astype(np.float32))
    has_it = np.asarray(w)[:, 0, 2] > np.median(np.asarray(w)[:, 0, 2])
    direction = style_model.direction(w, has_it)
    np.testing.assert_array_equal(direction.vector, fit_direction(w, has_it).vector)
    moved = np.asarray(style_model.move(w, direction, -2.0, "coarse") - w)
    coarse = style_model.style_mask("coarse")
    assert not moved[:, ~coarse].any() and 0 < coarse.sum() < style_model.num_ws
    np.testing.assert_allclose(
        moved[:, coarse], np.broadcast_to(-2 * direction.vector, moved[:, coarse].shape), atol=1e-6
    )
    with pytest.warns(DeprecationWarning, match="labels is attribute now"):
        old = style_model.direction(w, labels=has_it)
    np.testing.assert_array_equal(old.vector, direction.vector)
    with pytest.raises(ValueError, match="w has shape"):
        style_model.move(w[:, :2], direction, 1.0)
