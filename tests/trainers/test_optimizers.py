import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.trainers.optimizers import guarded, optimizer_class


def make(name, mirrored=None, clip_norm=0, **kwargs):
    """An optimiser and two weights that it has moved once."""
    with mirrored.scope() if mirrored else tf.distribute.get_strategy().scope():
        weights = [keras.Variable([1.0, 2.0], name="a"), keras.Variable([[3.0]], name="b")]
        optimizer = guarded(optimizer_class(name), clip_norm)(learning_rate=0.1, **kwargs)
        optimizer.build(weights)
    run(optimizer, weights, [[0.5, -1.0], [[2.0]]], mirrored)
    return optimizer, weights


def run(optimizer, weights, grads, mirrored=None):
    """One step; each replica has an equal share of the gradient."""
    strategy = mirrored or tf.distribute.get_strategy()

    @tf.function
    def step(grads):
        shares = [grad / strategy.num_replicas_in_sync for grad in grads]
        strategy.run(lambda: optimizer.apply(shares, weights))

    step([tf.constant(grad) for grad in grads])


def number(variable):
    return int(variable.numpy())


def state(optimizer, weights):
    counters = {"iteration", "skipped", "skipped_in_a_row", "first_bad"}
    slots = [variable for variable in optimizer.variables if variable.name not in counters]
    return [variable.numpy() for variable in [*weights, *slots]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])  # the norm of the last one overflows
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adamax"])
def test_a_bad_gradient_changes_nothing(name, bad):
    optimizer, weights = make(name)
    before = state(optimizer, weights)
    run(optimizer, weights, [[1.0, 1.0], [[bad]]])
    for a, b in zip(before, state(optimizer, weights), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (number(optimizer.skipped_in_a_row), number(optimizer.skipped)) == (1, 1)
    assert number(optimizer.first_bad) == 1 and number(optimizer.iterations) == 2
    run(optimizer, weights, [[1.0, 1.0], [[1.0]]])
    assert (number(optimizer.skipped_in_a_row), number(optimizer.skipped), number(optimizer.first_bad)) == (
        0,
        1,
        -1,
    )
    assert (weights[0].numpy() != before[0]).all()


def test_a_bad_gradient_under_replicas(mirrored_strategy):
    optimizer, weights = make("adamw", mirrored_strategy)
    before = state(optimizer, weights)
    run(optimizer, weights, [[np.nan, 1.0], [[1.0]]], mirrored_strategy)
    for a, b in zip(before, state(optimizer, weights), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (number(optimizer.first_bad), number(optimizer.skipped)) == (0, 1)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adamax"])
def test_a_good_gradient_does_what_keras_does(name):
    optimizer, weights = make(name)
    theirs = [keras.Variable([1.0, 2.0]), keras.Variable([[3.0]])]
    keras_optimizer = optimizer_class(name)(learning_rate=0.1)
    for grads in ([[0.5, -1.0], [[2.0]]], [[0.1, 0.2], [[0.3]]]):
        keras_optimizer.apply([np.float32(grad) for grad in grads], theirs)
    run(optimizer, weights, [[0.1, 0.2], [[0.3]]])
    for ours, keras_weight in zip(weights, theirs, strict=True):
        np.testing.assert_allclose(ours.numpy(), keras_weight.numpy(), rtol=1e-6)


@pytest.mark.parametrize("norm", [0.5, 50.0])
def test_the_whole_gradient_is_clipped(mirrored_strategy, norm):
    for strategy in (None, mirrored_strategy):
        _, weights = make("sgd", strategy, clip_norm=norm)
        grad = np.array([0.5, -1.0, 2.0])
        step = 0.1 * grad * min(1, norm / np.linalg.norm(grad))
        moved = np.concatenate([weight.numpy().ravel() for weight in weights])
        np.testing.assert_allclose(moved, np.array([1.0, 2.0, 3.0]) - step, rtol=1e-6)


def test_weights_without_gradient_stay():
    optimizer, weights = make("adam")
    before = weights[0].numpy()
    optimizer.apply([None, tf.constant([[np.nan]])], weights)
    assert number(optimizer.first_bad) == 1
    optimizer.apply([None, tf.constant([[1.0]])], weights)
    np.testing.assert_array_equal(weights[0].numpy(), before)


def test_it_is_saved_as_the_keras_optimiser(tmp_path):
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    model.compile(guarded(keras.optimizers.AdamW)(learning_rate=0.3), loss="mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is keras.optimizers.AdamW
    np.testing.assert_allclose(loaded.optimizer.learning_rate, 0.3, rtol=1e-6)
