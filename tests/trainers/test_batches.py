import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from latentzoo.trainers.batches import training_batches


def numbers(count):
    return tf.data.Dataset.range(count)


def read(batches, num):
    return np.array([batch.numpy() for batch in batches.take(num)])


def test_every_epoch_is_another_order_of_all():
    epochs = read(training_batches(numbers(30), batch_size=5, seed=1), 18).reshape(3, 30)
    for epoch in epochs:
        assert sorted(epoch) == list(range(30))
    assert (epochs[0] != epochs[1]).any() and (epochs[1] != epochs[2]).any()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 12), st.integers(0, 30), st.integers(0, 2**31 - 1))
def test_going_on_gives_the_batches_that_would_have_come(batch_size, first_step, seed):
    whole = training_batches(numbers(12), batch_size, seed)
    rest = training_batches(numbers(12), batch_size, seed, first_step)
    np.testing.assert_array_equal(read(rest, 4), read(whole.skip(first_step), 4))


def test_seeds_give_different_orders():
    first = [tuple(read(training_batches(numbers(30), 30, seed), 1)[0]) for seed in range(4)]
    assert len(set(first)) == 4


def test_a_small_dataset_is_read_once():
    reads = []

    def count(x):
        reads.append(int(x))
        return x

    source = numbers(10).map(
        lambda x: tf.ensure_shape(tf.py_function(count, [x], tf.int64), []), num_parallel_calls=1
    )
    read(training_batches(source, batch_size=5, seed=0), 8)
    assert sorted(reads) == list(range(10))


def test_pairs_stay_together():
    pairs = tf.data.Dataset.from_tensor_slices((np.arange(20), np.arange(20) * 10))
    for image, label in training_batches(pairs, batch_size=8, seed=0).take(5):
        np.testing.assert_array_equal(label, image * 10)


@pytest.mark.parametrize("batch_size", [0, 13])
def test_batch_size(batch_size):
    message = f"^batch_size: got {batch_size}, expected 1 to 12, the size of the dataset.$"
    with pytest.raises(ValueError, match=message):
        training_batches(numbers(12), batch_size, seed=0)
