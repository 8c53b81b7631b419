"""The solver of inverses without a closed form: its accuracy, its gradient, and what it says of failures."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.bijectors import fixed_point

from .measure import assert_close, fresh

MODES = {
    "eager": lambda f: f,
    "graph": lambda f: tf.function(f, autograph=False),
    "xla": lambda f: tf.function(f, jit_compile=True, autograph=False),
}
MATRIX = tf.constant([[0.5, -0.4, 0.1], [0.3, 0.2, -0.3], [0.0, 0.3, 0.4]], tf.float64)
ROWS = tf.constant([[1.0, 2.0, 3.0], [-1.0, 0.5, 20.0]], tf.float64)


def linear(y, matrix=MATRIX):
    """T(x) = y - A x, with the solution (I + A)^-1 y."""
    return lambda x: y - tf.linalg.matvec(matrix, x)


def solution(y, matrix=MATRIX):
    return np.linalg.solve(np.eye(3) + matrix, np.transpose(y)).T


@pytest.mark.parametrize("mode", MODES)
def test_values_and_gradients_are_those_of_the_linear_system(mode):
    """Gradients in y and in the matrix, a tensor and a variable that the contraction uses."""
    variable = tf.Variable(MATRIX)

    def run(y, solve):
        with tf.GradientTape() as tape:
            tape.watch(y)
            loss = tf.reduce_sum(tf.sin(solve(fresh(y))) * [1.0, 1e-6, 1e6])
        return loss, tape.gradient(loss, [y, variable])

    def iterated(y):
        return fixed_point(linear(y, variable), y, 1, tolerance=1e-12)

    def exact(y):
        return tf.linalg.matvec(tf.linalg.inv(tf.eye(3, dtype=y.dtype) + variable), y)

    actual, expected = MODES[mode](lambda y: run(y, iterated))(ROWS), run(ROWS, exact)
    assert_close(actual, expected, rtol=1e-9)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("shrink", [0.1, 0.9])
def test_the_error_is_within_the_tolerance_for_slow_and_fast_contractions(tolerance, shrink):
    y = tf.constant([[1.0], [-7.0], [1e3]], tf.float64)
    for sign in (-1, 1):
        x = fixed_point(lambda x, a=sign * shrink: y + a * x, y, 1, tolerance, lipschitz=shrink)
        error = np.abs(x - y / (1 - sign * shrink))
        assert np.all(error <= tolerance)


def test_an_iteration_of_newtons_kind_inverts_a_triangular_map():
    """As MintNet's: x + (y - f(x)) / (a diag(df/dx)), whose gradient is that of the inverse of f."""

    def f(x):
        return 2 * x + tf.tanh(x) + tf.cumsum(tf.sin(x), axis=-1, exclusive=True)

    def contraction(y):
        return lambda x: x + (y - f(x)) / (1.1 * (2 + 1 / tf.cosh(x) ** 2))

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(ROWS)
        x = fixed_point(contraction(ROWS), ROWS / 2, 1, tolerance=1e-13)
        y = f(x)
    assert_close(y, ROWS, rtol=1e-13)
    # dx/dy undoes df/dx, so that dy/dy is the identity.
    v = tf.constant([[1.0, -2.0, 3.0], [0.0, 1.0, 1e3]], tf.float64)
    assert_close(tape.gradient(y, ROWS, v), v, rtol=0, atol=1e-9)


def test_each_row_stops_by_itself():
    """A row's last digit does not depend on slower rows beside it."""
    speeds = tf.constant([[0.1], [0.5], [0.9]], tf.float64)
    y = tf.constant([[1.0, -3.0]] * 3, tf.float64)
    together = fixed_point(lambda x: y + speeds * tf.sin(x), y, 1, tolerance=1e-6)
    for i in range(3):
        alone = fixed_point(lambda x, i=i: y[i] + speeds[i] * tf.sin(x), y[i], 1, tolerance=1e-6)
        assert together[i].numpy().tolist() == alone.numpy().tolist()


def test_a_gradient_of_the_gradient_is_refused():
    with tf.GradientTape() as outer:
        outer.watch(ROWS)
        with tf.GradientTape() as inner:
            inner.watch(ROWS)
            x = fixed_point(lambda x: ROWS + 0.5 * tf.sin(x), ROWS, 1, tolerance=1e-6)
        first = inner.gradient(x, ROWS)
    with pytest.raises(NotImplementedError, match="fixed_point has a gradient, but no gradient of the gra"):
        outer.gradient(first, ROWS)


def bad_rows(mode, y):
    """T(x) = y + x^2 diverges from large y."""
    return MODES[mode](lambda y: fixed_point(lambda x: y + x**2, y, 1, 1e-4, max_iterations=60))(y)


def test_rows_that_do_not_converge_are_an_error_in_eager_mode():
    y = tf.constant([[0.1, 0.1], [0.1, 3.0], [0.2, 0.2], [float("nan"), 0.1]])
    with pytest.raises(ValueError) as raised:
        bad_rows("eager", y)
    assert str(raised.value) == (
        "fixed_point: 2 of 4 rows (1, 3) did not come to rest within 0.0001 in 60 iterations, "
        "expected a contraction of finite inputs."
    )


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_rows_that_do_not_converge_are_nan_in_graphs_and_the_others_right(mode):
    y = tf.constant([[0.1, 0.1], [0.1, 3.0], [0.2, 0.2]], tf.float64)
    x = bad_rows(mode, y).numpy()
    assert np.all(np.isnan(x[1]))
    np.testing.assert_allclose(x[::2], (1 - np.sqrt(1 - 4 * y[::2])) / 2, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tolerance": 0.0}, "fixed_point: tolerance is 0.0, expected a number above 0."),
        ({"lipschitz": 1.0}, "fixed_point: lipschitz is 1.0, expected a number between 0 and 1."),
        ({"max_iterations": 0}, "fixed_point: max_iterations is 0, expected at least 1."),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_wrong_arguments(arguments, text):
    with pytest.raises(ValueError) as raised:
        fixed_point(tf.identity, tf.zeros([1]), 0, **{"tolerance": 1e-3, **arguments})
    assert str(raised.value) == text
