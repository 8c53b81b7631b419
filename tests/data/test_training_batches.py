"""Training batches: every epoch an order of its own, and any step of it without those before."""

import math
import time

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from latentzoo.data import sources
from latentzoo.data import training_batches as batches
from latentzoo.data.sources import Source
from latentzoo.data.training_batches import training_batches

SEEDS = st.integers(0, 2**31 - 1)


def numbers(count):
    return tf.data.Dataset.range(count)


def read(batches, num):
    return np.array([batch.numpy() for batch in batches.take(num)])


def recording(count):
    """A source of the numbers below `count`, and the list of those that were read."""
    reads = []

    def note(number):
        reads.append(int(number))
        return number

    def example(number):
        return tf.ensure_shape(tf.numpy_function(note, [number], tf.int64), [])

    return Source(np.arange(count), example), reads


@pytest.fixture(params=["in memory", "read by number", "in a window"])
def shuffled(request, monkeypatch):
    """The three ways that data are shuffled, as a function of their count."""
    if request.param == "in memory":
        return lambda count: np.arange(count)
    if request.param == "read by number":
        return lambda count: Source(np.arange(count), lambda number: number)
    monkeypatch.setattr(sources, "_MEMORY", 0)
    monkeypatch.setattr(batches, "_WINDOW", 8 * 10)  # bytes of ten examples
    return numbers


def test_every_epoch_is_another_order_of_all(shuffled):
    epochs = read(training_batches(shuffled(30), batch_size=5, seed=1), 18).reshape(3, 30)
    for epoch in epochs:
        assert sorted(epoch) == list(range(30))
    assert len(set(map(tuple, epochs))) == 3


@pytest.mark.parametrize("batch_size, first_step, seed", [(5, 0, 0), (5, 7, 1), (12, 3, 2), (1, 13, 3)])
def test_going_on_gives_the_batches_that_would_have_come(shuffled, batch_size, first_step, seed):
    whole = training_batches(shuffled(12), batch_size, seed)
    rest = training_batches(shuffled(12), batch_size, seed, first_step)
    np.testing.assert_array_equal(read(rest, 4), read(whole.skip(first_step), 4))


@pytest.mark.parametrize("shards", [(0, 1, 2), (1,), (0, 2)])
def test_shards_make_up_the_batches(shuffled, shards):
    whole = read(training_batches(shuffled(15), 6, seed=0, first_step=2), 8)
    ours = training_batches(shuffled(15), 6, seed=0, first_step=2, num_shards=3, shards=shards)
    expected = whole.reshape(8, 3, 2)[:, list(shards)]
    np.testing.assert_array_equal(read(ours, 8 * len(shards)).reshape(expected.shape), expected)


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(1, 40), SEEDS, st.integers(0, 10**9))
def test_an_epoch_has_each_example_once_wherever_the_stream_starts(data, count, seed, first_step):
    batch_size = data.draw(st.integers(1, count))
    start = first_step * batch_size
    steps = math.ceil(3 * count / batch_size)
    stream = read(training_batches(np.arange(count), batch_size, seed, first_step), steps).ravel()
    first = -start % count  # where the next epoch begins
    for epoch in stream[first : first + 2 * count].reshape(2, count):
        assert sorted(epoch) == list(range(count))


def test_seeds_and_epochs_give_different_orders():
    seeds = [0, 1, 2, 3, 2**16, 2**30, 2**30 + 1, 2**31 - 1]
    streams = [read(training_batches(np.arange(30), 30, seed), 8) for seed in seeds]
    assert len({tuple(epoch) for stream in streams for epoch in stream}) == 8 * len(seeds)


def test_an_order_is_as_likely_as_another():
    """Each example is as often at each place; and a quarter of an epoch is a fair sample of the whole.

    TensorFlow's own index_shuffle, of fewer rounds, fails the second: means vary by a fifth too much.
    """
    epochs = 600
    orders = read(training_batches(np.arange(12), 12, seed=0), epochs)
    table = np.stack([np.bincount(column, minlength=12) for column in orders.T])
    chi_square = ((table - epochs / 12) ** 2 / (epochs / 12)).sum() * 11 / 12
    assert abs(chi_square - 11**2) < 4 * math.sqrt(2 * 11**2)

    count, part = 256, 64
    epochs = 3000
    parts = read(training_batches(np.arange(count), count, seed=0, num_shards=4, shards=[0]), epochs)
    expected = (count**2 - 1) / 12 / part * (count - part) / (count - 1)
    assert parts.mean(axis=1).var() / expected == pytest.approx(1, abs=4 * math.sqrt(2 / epochs))


def test_nothing_before_the_first_step_is_read():
    source, reads = recording(10**6)
    start = time.monotonic()
    batch = read(training_batches(source, batch_size=8, seed=0, first_step=10**9), 1)[0]
    assert time.monotonic() - start < 10  # an epoch alone would take longer
    assert set(batch) <= set(reads)
    assert len(reads) < 1000  # the batch, and some ahead


def test_what_others_read_is_not_read():
    source, reads = recording(1000)
    ours = training_batches(source, 100, seed=0, num_shards=2, shards=[1])
    theirs = training_batches(np.arange(1000), 100, seed=0, num_shards=2, shards=[0])
    read(ours, 5)
    assert not set(reads[:250]) & set(read(theirs, 5).ravel())


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


def test_pairs_stay_together_and_their_shapes_are_known():
    pairs = (np.arange(20), np.arange(20)[:, np.newaxis] * [10, 20])
    for data in (pairs, Source(pairs, lambda x, y: (x, y)), tf.data.Dataset.from_tensor_slices(pairs)):
        stream = training_batches(data, batch_size=8, seed=0, num_shards=2, shards=[0, 1])
        assert [spec.shape for spec in stream.element_spec] == [(4,), (4, 2)]
        for x, y in stream.take(5):
            np.testing.assert_array_equal(y, x[:, tf.newaxis] * [10, 20])


@pytest.mark.parametrize("batch_size", [0, 13])
def test_batch_size(batch_size):
    message = f"^batch_size: got {batch_size}, expected 1 to 12, the size of the dataset.$"
    with pytest.raises(ValueError, match=message):
        training_batches(numbers(12), batch_size, seed=0)


def test_shards():
    with pytest.raises(ValueError, match="^batch_size: got 4, expected a multiple of num_shards=3.$"):
        training_batches(numbers(12), 4, seed=0, num_shards=3)
    for shards in ([2], [], [-1]):
        with pytest.raises(ValueError, match=r"^shards: got \[.*\], expected numbers from 0 to 1.$"):
            training_batches(numbers(12), 4, seed=0, num_shards=2, shards=shards)
