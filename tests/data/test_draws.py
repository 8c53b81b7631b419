"""Parts of data sets: seeded, spread over the whole set, the same from every kind of container."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo import metrics
from latentzoo.data.draws import draw, drawn_numbers, pick


def without_random_access(dataset, count=50):
    return dataset.filter(lambda *example: True).apply(tf.data.experimental.assert_cardinality(count))


def values(dataset):
    return [int(example) for example in dataset]


def test_all_examples_come_in_their_order():
    for num in (None, 50, 51):
        assert values(draw(tf.data.Dataset.range(50), num, seed=1)) == list(range(50))
        assert drawn_numbers(50, num, seed=1).tolist() == list(range(50))


@pytest.mark.parametrize("random_access", [True, False])
def test_a_part_is_seeded_without_repeats_and_starts_a_larger_one(random_access):
    dataset = tf.data.Dataset.range(50).map(lambda x: 10 * x, num_parallel_calls=2)
    dataset = dataset if random_access else without_random_access(dataset)
    part = draw(dataset, 20, seed=1)
    assert int(part.cardinality()) == 20 and part.element_spec == dataset.element_spec
    assert values(part) == (10 * drawn_numbers(50, 20, seed=1)).tolist()
    assert len(set(values(part))) == 20 and values(draw(dataset, 7, seed=1)) == values(part)[:7]
    assert values(draw(dataset, 20, seed=2)) != values(part)


def test_each_example_is_drawn_as_often_as_any_other():
    counts = np.bincount(np.concatenate([drawn_numbers(10, 3, seed) for seed in range(2000)]), minlength=10)
    # Binomial: 2000 draws of probability 0.3.
    assert np.abs(counts - 600).max() < 4 * np.sqrt(2000 * 0.3 * 0.7)


@pytest.mark.parametrize("random_access", [True, False])
def test_pairs_stay_pairs(random_access):
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(50), -np.arange(50)))
    dataset = dataset if random_access else without_random_access(dataset)
    found = [(int(a), int(b)) for a, b in pick(dataset, np.array([31, 2, 17]))]
    assert found == [(31, -31), (2, -2), (17, -17)]


def test_a_larger_draw_than_memory_holds_keeps_the_order_of_the_set(monkeypatch):
    monkeypatch.setattr("latentzoo.data.draws._MEMORY", 100)
    part = draw(without_random_access(tf.data.Dataset.range(50)), 20, seed=1)
    assert values(part) == sorted(drawn_numbers(50, 20, seed=1))


def test_no_example_is_refused():
    with pytest.raises(ValueError, match="num: got 0, expected at least 1."):
        draw(tf.data.Dataset.range(5), 0, seed=0)


def test_scores_of_a_part_are_of_the_drawn_examples(pixel_flow, images):
    model = pixel_flow()
    (entry,) = metrics.evaluate(model, images, names=["log_prob"], num_examples=9, seed=4, verbose=False)
    expected = np.mean(model.log_prob(images[drawn_numbers(64, 9, seed=4)]))
    assert entry["value"] == pytest.approx(float(expected), rel=1e-6)
    assert entry["protocol"] == "exact density, no noise; 9 of 64 examples, drawn with seed 4"
    (whole,) = metrics.evaluate(model, images, names=["log_prob"], verbose=False)
    assert whole["protocol"] == "exact density, no noise"
