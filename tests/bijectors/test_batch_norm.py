"""BatchNorm in training: the statistics of the global batch, and gradients through them."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.bijectors import BatchNorm

from .measure import assert_close, fresh

EPSILON = 1e-3


def images(count=6):
    scale, shift = tf.constant([0.5, 3.0], tf.float64), tf.constant([1.0, -2.0], tf.float64)
    noise = tf.random.stateless_normal([count, 2, 3, 2], [1, 1], dtype=tf.float64)
    return noise * scale + shift


def training(on_statistics=None):
    zeros, ones = tf.zeros([2], tf.float64), tf.ones([2], tf.float64)
    return BatchNorm(zeros, ones, EPSILON, training=True, on_statistics=on_statistics)


def test_training_normalises_by_the_statistics_of_the_batch():
    x = images()
    seen = []
    bijector = training(lambda mean, variance: seen.append((mean, variance)))
    y = bijector.forward(x)
    log_det = bijector.forward_log_det_jacobian(x, 3)
    mean, variance = np.mean(x, (0, 1, 2)), np.var(x, (0, 1, 2))
    assert_close(y, (x - mean) / np.sqrt(variance + EPSILON), rtol=1e-12, atol=1e-13)
    assert_close(log_det, -0.5 * 2 * 3 * np.sum(np.log(variance + EPSILON)), rtol=1e-12)
    assert_close(seen, [(mean, variance)], rtol=1e-12)  # once for value and log-determinant


def test_training_and_inference_agree_when_the_moving_statistics_are_those_of_the_batch():
    x, seen = images(), []
    y = training(lambda *statistics: seen.extend(statistics)).forward(x)
    inference = BatchNorm(*seen, EPSILON)
    assert_close(inference.forward(fresh(x)), y, rtol=1e-12, atol=1e-13)
    assert_close(inference.inverse(fresh(y)), x, rtol=1e-12)


def loss(x, bijector):
    y = bijector.forward(x)
    weights = tf.reshape(tf.range(12, dtype=x.dtype), [2, 3, 2])
    log_dets = tf.fill([tf.shape(x)[0]], bijector.forward_log_det_jacobian(x, 3))
    return tf.reduce_sum(tf.reduce_sum(weights * y**3, [1, 2, 3]) - log_dets)


def gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(fresh(x), training())
    return tape.gradient(value, x)


def test_gradients_flow_through_the_statistics():
    x = images()
    direction = tf.random.stateless_normal(x.shape, [2, 2], dtype=tf.float64)
    numeric = (loss(x + 1e-6 * direction, training()) - loss(x - 1e-6 * direction, training())) / 2e-6
    np.testing.assert_allclose(tf.reduce_sum(gradient(x) * direction), numeric, rtol=1e-7)


def test_graph_and_xla_give_the_eager_gradient():
    x = images()
    assert_close(tf.function(gradient)(x), gradient(x), rtol=1e-10, atol=1e-12)
    compiled = tf.function(gradient, jit_compile=True, autograph=False)
    assert_close(compiled(x), gradient(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("first_part", [3, 2], ids=["equal-parts", "unequal-parts"])
def test_two_replicas_share_statistics_and_gradients_of_the_global_batch(mirrored_strategy, first_part):
    x = images()
    parts = mirrored_strategy.experimental_distribute_values_from_function(
        lambda context: [x[:first_part], x[first_part:]][context.replica_id_in_sync_group]
    )
    with mirrored_strategy.scope():
        moving_mean = tf.Variable(
            tf.zeros([2], tf.float64), trainable=False, aggregation=tf.VariableAggregation.MEAN
        )

    @tf.function(autograph=False)
    def run(parts):
        def replica(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                bijector = training(lambda mean, variance: moving_mean.assign(mean))
                x_in = fresh(x)
                y, value = bijector.forward(x_in), loss(x_in, bijector)
            return y, tape.gradient(value, x)

        return mirrored_strategy.run(replica, (parts,))

    y, gradients = (mirrored_strategy.experimental_local_results(value) for value in run(parts))
    assert_close(tf.concat(y, 0), training().forward(x), rtol=1e-12, atol=1e-13)
    assert_close(tf.concat(gradients, 0), gradient(x), rtol=1e-9, atol=1e-11)
    assert_close(moving_mean.read_value(), np.mean(x, (0, 1, 2)), rtol=1e-12)


def test_a_constant_channel_stays_finite():
    y = training().forward(tf.ones([4, 2], tf.float64))
    assert y.numpy().tolist() == [[0.0, 0.0]] * 4
