"""The fixed point of a contraction, for inverses that have no closed form, and its implicit gradient."""

from collections.abc import Callable

import tensorflow as tf

Map = Callable[[tf.Tensor], tf.Tensor]


def fixed_point(
    contraction: Map,
    start: tf.Tensor,
    event_ndims: int,
    tolerance: float,
    lipschitz: float = 0.5,
    max_iterations: int = 500,
    name: str = "fixed_point",
) -> tf.Tensor:
    r"""Returns the x with `x = T(x)`, by iterating T on each row until it converges.

    This computes the inverses of the two kinds of flows without a closed form:

        y = x + g(x)    T(x) = y - g(x)                           i-ResNet (Behrmann et al. 2019, algorithm 1)
        y = f(x)        T(x) = x + (y - f(x)) / (a diag(df/dx))   MintNet (Song et al. 2019, section 3.3)

    A row is an event, and stops independently: its result does not depend on other rows. It stops when

        |dx| L / (1 - L) <= tolerance,   |dx| the largest change of a number in the last iteration,

    which bounds the error of x if T shrinks the largest difference of two events by the factor L (Banach).
    A spectral norm of L shrinks their Euclidean distance, which comes to the same after some iterations.
    One more iteration, for the gradient, follows.

    The gradient is that of the implicit function theorem: with J = dT/dx at the solution, v the gradient in x
    becomes w = v + J^T w, by the same iteration, and then goes through one application of T, to all that T
    uses: tensors and variables. It does not depend on `start`, needs no memory of the iterations, and works
    in eager mode, in graphs and under XLA. There is no gradient of the gradient.

    Args:
      contraction: T, `[..., *event_shape]` -> the same shape and dtype, row by row. T is traced a few times;
        what it draws at random must be the same each time.
      start: float `[..., *event_shape]`, where the iteration starts, such as y.
      event_ndims: number of dimensions of a row.
      tolerance: of the error of each number of x, absolute. Rounding of numbers of size s ends at about
        1e-7 s in float32, 1e-16 s in float64: a smaller tolerance may never be reached. The gradient is
        solved to this tolerance relative to its largest number.
      lipschitz: L. With 1/2, |dx| itself is held to the tolerance.
      max_iterations: at most so many for a row. 1e-5 takes ln(1e-5) / ln(L) of them, 37 for L = 0.73.

    Returns:
      x, of the shape and dtype of `start`. In a graph, rows that did not converge are NaN as a whole, which
      is what the models' checks of their results report.

    Raises:
      NotImplementedError: if the gradient is differentiated.
      ValueError: in eager mode, if rows did not converge, with their numbers; or if tolerance is not
        positive, lipschitz not between 0 and 1, or max_iterations below 1.

    Example: Understanding Deep Learning (Prince 2023), problem 16.3.

    >>> import tensorflow as tf
    >>> from latentzoo.bijectors import fixed_point
    >>> y = tf.constant([0.8])
    >>> x = fixed_point(lambda x: y - (0.5 * x + 0.02 * tf.sin(15 * x) - 0.3), y, 0, tolerance=1e-6)
    >>> round(float(x[0]), 4)
    0.7464
    """
    if not tolerance > 0:
        raise ValueError(f"{name}: tolerance is {tolerance}, expected a number above 0.")
    if not 0 < lipschitz < 1:
        raise ValueError(f"{name}: lipschitz is {lipschitz}, expected a number between 0 and 1.")
    if max_iterations < 1:
        raise ValueError(f"{name}: max_iterations is {max_iterations}, expected at least 1.")
    largest_step = tolerance * (1 - lipschitz) / lipschitz
    axes = list(range(-event_ndims, 0))

    def solve(contraction, start, name):
        x, converged = _iterate(contraction, start, axes, largest_step, max_iterations)
        if tf.executing_eagerly():
            _check_converged(converged, largest_step, max_iterations, name)
        return x, converged

    @tf.custom_gradient
    def with_implicit_gradient(x):
        def gradient(v):
            size = tf.reduce_max(tf.abs(v), axes, keepdims=True)
            size = tf.where(size > 0, size, tf.ones_like(size))

            def adjoint(w):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = contraction(x)
                return v / size + tape.gradient(y, x, w, unconnected_gradients="zero")

            w, converged = solve(adjoint, v / size, f"the gradient of {name}")
            return _not_differentiable(_nan_unless(converged, size * w), (x, v), name)

        return tf.identity(x), gradient

    x, converged = solve(contraction, tf.convert_to_tensor(start), name)
    # T once more, at a constant: through this application gradients reach what T uses.
    return _nan_unless(converged, with_implicit_gradient(contraction(x)))


def _iterate(contraction, start, axes, largest_step, max_iterations):
    """x, a constant to gradients, and which rows converged, `[..., 1, ..., 1]`."""

    def any_moves(i, x, step):
        return tf.reduce_any(step > largest_step)

    def iterate(i, x, step):
        moves = step > largest_step
        new = tf.where(moves, tf.ensure_shape(contraction(x), x.shape), x)
        size = tf.reduce_max(tf.abs(new - x), axes, keepdims=True)
        # A maximum may pass over NaN.
        size = _nan_unless(tf.reduce_all(tf.math.is_finite(new), axes, keepdims=True), size)
        return i + 1, new, tf.where(moves, size, step)

    x = tf.stop_gradient(start)
    unmoved = tf.reduce_max(tf.zeros_like(x), axes, keepdims=True) + float("inf")
    _, x, step = tf.while_loop(any_moves, iterate, (0, x, unmoved), maximum_iterations=max_iterations)
    return tf.stop_gradient(x), step <= largest_step


def _nan_unless(condition, x):
    return tf.where(condition, x, tf.constant(float("nan"), x.dtype))


def _not_differentiable(w, inputs, name):
    """w, and an error if a gradient in the inputs that it was computed from passes here."""

    @tf.custom_gradient
    def identity(w, *inputs):
        def gradient(_):
            raise NotImplementedError(f"{name} has a gradient, but no gradient of the gradient.")

        return tf.identity(w), gradient

    return identity(w, *inputs)


def _check_converged(converged, largest_step, max_iterations, name):
    failed = tf.where(~tf.reshape(converged, [-1]))[:, 0].numpy()
    if len(failed):
        rows = ", ".join(map(str, failed[:5])) + (", ..." if len(failed) > 5 else "")
        raise ValueError(
            f"{name}: {len(failed)} of {tf.size(converged)} rows ({rows}) did not come to rest within "
            f"{largest_step:g} in {max_iterations} iterations, expected a contraction of finite inputs."
        )
