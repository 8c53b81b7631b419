"""The mapping network: truncation, the average of w, labels."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans.mapping import MappingNetwork

from .networks import numbers


@pytest.mark.parametrize("cutoff", [None, 2])
def test_truncation_moves_w_toward_its_average(cutoff):
    network = MappingNetwork(5, 4, 6, depth=2, seed=0, dtype="float64")
    network.w_avg.assign([1.0, 2.0, 3.0, 4.0])
    z, psi = tf.constant(numbers(3, 5)), np.array([0.0, 0.5, 1.0])[:, None, None]
    w = network(z)
    expected = np.asarray(network.w_avg) * (1 - psi) + w.numpy() * psi
    expected[:, cutoff:] = w[:, cutoff:] if cutoff else expected[:, cutoff:]
    found = network(z, truncation=tf.constant(psi), cutoff=cutoff)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(network(z, truncation=0.5, cutoff=cutoff)[1], found[1])


def test_truncation_moves_w_toward_the_average_of_its_class():
    network = MappingNetwork(5, 4, 6, depth=2, num_classes=3, seed=0, dtype="float64")
    averages = np.arange(12.0).reshape(3, 4)
    network.w_avg.assign(averages)
    z, labels = tf.constant(numbers(3, 5)), tf.constant([2, 0, 2])
    found = network(z, labels, truncation=0.25)
    expected = 0.75 * averages[labels.numpy()][:, None] + 0.25 * network(z, labels).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_average_of_a_class_is_of_its_rows():
    network = MappingNetwork(5, 4, 6, depth=2, num_classes=3, w_avg_decay=0.9, seed=0, dtype="float64")
    w, labels = tf.constant(numbers(4, 4)), tf.constant([2, 0, 2, 2])
    expected = np.full([3, 4], 2.0)
    expected[0] += 0.1 * (w[1] - 2) / 4
    expected[2] += 0.1 * (w[0] + w[2] + w[3] - 3 * 2) / 4

    def updated(part):
        network.w_avg.assign(np.full([3, 4], 2.0))
        network.update_average(w[part], labels[part])
        return np.asarray(network.w_avg)

    np.testing.assert_allclose(updated(slice(4)), expected, rtol=1e-12)
    of_two_replicas = (updated(slice(2)) + updated(slice(2, 4))) / 2
    np.testing.assert_allclose(of_two_replicas, expected, rtol=1e-12)


def test_the_average_of_w_decays():
    network = MappingNetwork(5, 4, 6, depth=2, w_avg_decay=0.9, seed=0, dtype="float64")
    w = tf.constant(numbers(3, 4))
    network.update_average(w)
    network.update_average(2 * w)
    mean = w.numpy().mean(axis=0)
    np.testing.assert_allclose(network.w_avg, 0.9 * 0.1 * mean + 0.1 * 2 * mean, rtol=1e-14)


def test_z_of_any_length_is_one_point():
    network = MappingNetwork(5, 4, 6, depth=2, seed=0, dtype="float64")
    z = tf.constant(numbers(3, 5))
    np.testing.assert_allclose(network(z), network(100 * z), rtol=1e-6)


def test_labels_alone_make_w():
    network = MappingNetwork(0, 4, 6, depth=2, num_classes=3, seed=0)
    w = network(None, tf.constant([0, 1, 0]))
    np.testing.assert_array_equal(w[0], w[2])
    assert not np.allclose(w[0], w[1])
