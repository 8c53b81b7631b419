"""Free bits and annealing, as numbers; test_vae_training.py has them in training."""

import numpy as np
import tensorflow as tf

from latentzoo.zoo.vaes.annealing import annealing_weight, with_free_bits


def test_a_group_below_its_free_bits_costs_them_and_has_no_gradient():
    kl = tf.Variable([[0.0, 3.0], [1.0, 5.0]])
    with tf.GradientTape() as tape:
        cost = tf.reduce_mean(with_free_bits(kl, free=2.0))
    np.testing.assert_allclose(cost, 1.0 + 4.0)
    np.testing.assert_allclose(tape.gradient(cost, kl), [[0.0, 0.5], [0.0, 0.5]])
    np.testing.assert_allclose(with_free_bits(kl, free=0.0), [3.0, 6.0])


def test_the_weight_rises_to_1():
    weights = [float(annealing_weight(4, tf.constant(step))) for step in (0, 1, 4, 9)]
    assert weights == [0.0, 0.25, 1.0, 1.0] and annealing_weight(0, 0) == 1.0
