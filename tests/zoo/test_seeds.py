"""Random numbers: each row has its own, and replicas and steps do not share them."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from latentzoo.zoo import seeds


def test_the_first_rows_of_many_are_the_rows_of_few():
    few, many = (seeds.normal(seeds.row_seeds(3, n), (2, 5)) for n in (4, 16))
    np.testing.assert_array_equal(many[:4], few)


def test_rows_and_seeds_differ():
    rows = [seeds.normal(seeds.row_seeds(seed, 8), (6,)) for seed in (0, 1, -1, 2**31 - 1)]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 32


def test_pairs_choose_rows_of_other_draws():
    all_rows = seeds.uniform(seeds.row_seeds(5, 10), (3,))
    np.testing.assert_array_equal(
        seeds.uniform(seeds.row_seeds([[5, 7], [5, 2]], 2), (3,)), all_rows.numpy()[[7, 2]]
    )


def test_draws_have_their_distributions():
    rows = seeds.row_seeds(0, 200)
    assert scipy.stats.kstest(np.ravel(seeds.normal(rows, (50,))), "norm").pvalue > 0.01
    assert scipy.stats.kstest(np.ravel(seeds.uniform(rows, (50,))), "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    "seed, message",
    [
        (1.5, "seed is 1.5, expected integers in [-2^31, 2^31), one or [2, 2]."),
        (2**31, "seed is 2147483648, expected integers in [-2^31, 2^31), one or [2, 2]."),
        ("a", "seed is 'a', expected integers in [-2^31, 2^31), one or [2, 2]."),
        (None, "seed is None, expected integers in [-2^31, 2^31), one or [2, 2]."),
        ([[1, 2], [3]], "seed is [[1, 2], [3]], expected integers in [-2^31, 2^31), one or [2, 2]."),
        ([1, 2], "seed has shape (2,), expected () or (2, 2)."),
        ([[1, 2]], "seed has shape (1, 2), expected () or (2, 2)."),
    ],
)
def test_other_seeds_are_refused(seed, message):
    with pytest.raises(ValueError) as error:
        seeds.row_seeds(seed, 2)
    assert str(error.value) == message


def test_training_noise_differs_from_step_to_step_and_repeats():
    first, again, next_ = (seeds.training_uniform(0, step, [100]) for step in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == next_)


def test_replicas_draw_different_training_noise(mirrored_strategy):
    @tf.function
    def draw():
        return mirrored_strategy.run(lambda: seeds.training_uniform(0, tf.constant(3), [100]))

    a, b = mirrored_strategy.experimental_local_results(draw())
    assert not np.any(a == b)
