"""Repeat: gradients of the unrolled chain in every mode, in a graph and a memory that do not grow with K."""

from functools import cache

import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import ActNorm, Repeat

from .cases import additive_coupling, affine_coupling, glow_step, residual_step, stacked
from .measure import assert_close, fresh

tfb = tfp.bijectors

EVENT_SHAPE, STEPS = (2, 2, 4), 3
FAMILIES = {
    "affine": glow_step(affine_coupling()),
    "additive": glow_step(additive_coupling()),
    # Its backward pass must repeat the estimate of the forward pass.
    "estimated_residual": residual_step(estimate=True),
}

MODES = {
    "eager": lambda f: f,
    "graph": tf.function,
    "xla": lambda f: tf.function(f, jit_compile=True, autograph=False),
}


@cache
def steps(family, num_steps=STEPS):
    """Stacked parameters as after training, far from where it starts, and the step made of a slice."""
    with tf.init_scope():
        return stacked(FAMILIES[family], EVENT_SHAPE, num_steps)


def unrolled(step, parameters):
    slices = [
        {name: value[k] for name, value in parameters.items()}
        for k in range(next(iter(parameters.values())).shape[0])
    ]
    return tfb.Chain([step(p) for p in reversed(slices)])


def value_and_gradients(build, direction, parameters, x):
    """A loss of value and log-determinant in one direction, and its gradients in all and in x."""
    trained = {name: value for name, value in parameters.items() if value.dtype.is_floating}
    with tf.GradientTape() as tape:
        tape.watch([x, trained])
        bijector, x_in = build(parameters), fresh(x)
        if direction == "forward":
            y, log_det = bijector.forward(x_in), bijector.forward_log_det_jacobian(x_in, 3)
        else:
            y, log_det = bijector.inverse(x_in), bijector.inverse_log_det_jacobian(x_in, 3)
        weights = tf.reshape(tf.range(1, 17, dtype=tf.float64), EVENT_SHAPE)
        per_image = tf.reduce_mean(weights * y**2, [1, 2, 3]) - 3 * log_det
        loss = tf.reduce_sum(per_image * tf.range(1, x.shape[0] + 1, dtype=tf.float64))
    return loss, tape.gradient(loss, {"x": x, **trained}, unconnected_gradients="zero")


def assert_equal_to_1e9(actual, expected):
    """Relative to the largest entry of each gradient."""
    loss, gradients = expected
    assert_close(actual[0], loss, rtol=1e-9)
    for name, gradient in gradients.items():
        largest = float(tf.reduce_max(tf.abs(gradient)))
        assert_close(actual[1][name], gradient, rtol=0, atol=1e-9 * largest)


@cache
def expected(family, direction):
    parameters, step = steps(family)
    x = images()
    return value_and_gradients(lambda p: unrolled(step, p), direction, parameters, x)


def images():
    return tf.random.stateless_normal([4, *EVENT_SHAPE], [5, 5], dtype=tf.float64)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize(
    ("family", "mode"),
    [
        ("affine", "eager"),
        ("affine", "graph"),
        ("affine", "xla"),
        ("additive", "graph"),
        ("estimated_residual", "graph"),
    ],
)
@pytest.mark.parametrize("reversible", [False, True], ids=["stored", "reversible"])
def test_gradients_are_those_of_the_unrolled_chain(family, direction, mode, reversible):
    parameters, step = steps(family)

    def run(parameters, x):
        def build(p):
            return Repeat(step, p, reversible=reversible)

        return value_and_gradients(build, direction, parameters, x)

    assert_equal_to_1e9(MODES[mode](run)(parameters, images()), expected(family, direction))


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("reversible", [False, True], ids=["stored", "reversible"])
def test_gradients_of_two_replicas_add_up_to_those_of_the_unrolled_chain(
    direction, reversible, mirrored_strategy
):
    values, step = steps("affine")
    with mirrored_strategy.scope():
        parameters = {name: tf.Variable(value) for name, value in values.items()}
    # Each image stands alone in the loss, so replicas hold the same ones and weigh half.
    x = images()

    def replica():
        def build(p):
            return Repeat(step, p, reversible=reversible)

        tensors = {name: tf.convert_to_tensor(value) for name, value in parameters.items()}
        loss, gradients = value_and_gradients(build, direction, tensors, x)
        context = tf.distribute.get_replica_context()
        half = {name: gradient / 2 for name, gradient in gradients.items()}
        return context.all_reduce("sum", [loss / 2, half])

    loss, gradients = tf.function(lambda: mirrored_strategy.run(replica), autograph=False)()
    for i in range(2):
        mine = [mirrored_strategy.experimental_local_results(loss)[i]]
        mine.append({n: mirrored_strategy.experimental_local_results(g)[i] for n, g in gradients.items()})
        assert_equal_to_1e9(mine, expected("affine", direction))


def training_graph(num_steps, build=lambda step, p: Repeat(step, p, reversible=True)):
    parameters, step = steps("affine", num_steps)

    @tf.function(autograph=False)
    def run(parameters, x):
        return value_and_gradients(lambda p: build(step, p), "forward", parameters, x)

    return run.get_concrete_function(parameters, images()).graph.as_graph_def()


def all_nodes(graph_def):
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def test_the_graph_of_a_reversible_repeat_does_not_grow_with_the_number_of_steps():
    few, many = (len(list(all_nodes(training_graph(k)))) for k in (4, 32))
    assert few == many
    few, many = (len(list(all_nodes(training_graph(k, unrolled)))) for k in (4, 8))
    assert many > 1.8 * few  # what it is measured against


@pytest.mark.parametrize("reversible", [False, True], ids=["stored", "reversible"])
def test_a_graph_traces_the_step_as_often_however_many_there_are(reversible):
    def calls(num_steps):
        seen = []

        def step(p):
            seen.append(p)
            return tfb.Shift(p["shift"])

        repeat = Repeat(step, {"shift": tf.ones([num_steps, 2])}, 1, reversible)
        forward = tf.function(repeat.forward, autograph=False)
        assert forward(tf.zeros([2])).numpy().tolist() == [num_steps] * 2
        return len(seen)

    assert calls(2) == calls(9) == 1


def test_the_forward_loop_of_a_reversible_repeat_keeps_no_activations():
    """Its loops carry a counter, one image, one log-determinant and parameters; no list of tensors."""
    num_steps = 32
    graph = training_graph(num_steps)
    loops = [node for node in all_nodes(graph) if node.op in ("While", "StatelessWhile")]
    assert len(loops) == 2  # forward and backward

    def shapes(loop):
        return [tuple(d.size for d in shape.dim) for shape in loop.attr["output_shapes"].list.shape]

    def variants(loop):
        return list(loop.attr["T"].list.type).count(tf.variant.as_datatype_enum)

    parameters, _ = steps("affine", num_steps)
    stacked_shapes = {tuple(value.shape) for value in parameters.values()}
    image = (4, *EVENT_SHAPE)
    for loop in loops:
        assert image in shapes(loop)
        # Whatever has K in its shape is a parameter.
        assert {shape for shape in shapes(loop) if num_steps in shape} <= stacked_shapes
    # One list of tensors for each parameter's gradient, in one of the loops; none in the other.
    assert sorted(map(variants, loops)) == [0, len(parameters)]


def test_integer_parameters_pass_through_and_are_not_differentiated():
    """A permutation of its own for each step."""
    orders = tf.constant([[1, 2, 0], [0, 2, 1]])
    scales = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    def step(p):
        return tfb.Chain([tfb.Permute(p["order"], axis=-1), tfb.Scale(p["scale"])])

    x = tf.constant([1.0, 10.0, 100.0])
    for reversible in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(scales)
            parameters = {"order": orders, "scale": scales}
            y = Repeat(step, parameters, 1, reversible).forward(fresh(x))
        # (1, 20, 300) -> (20, 300, 1) -> (80, 1500, 6) -> (80, 6, 1500)
        assert y.numpy().tolist() == [80.0, 6.0, 1500.0]
        gradient = tape.gradient(y, scales).numpy().tolist()
        assert gradient == [[6.0, 40.0, 500.0], [20.0, 300.0, 1.0]]


def test_one_step_of_stock_bijectors_is_repeated_by_variables_too():
    scale, shift = tf.Variable([[2.0], [3.0]]), tf.Variable([[1.0], [-1.0]])
    for reversible in (False, True):
        with tf.GradientTape() as tape:
            parameters = (scale, shift)
            step = lambda p: tfb.Chain([tfb.Shift(p[1]), tfb.Scale(p[0])])  # noqa: E731
            y = Repeat(step, parameters, 1, reversible).forward(tf.constant([5.0]))
        assert y.numpy().tolist() == [3 * (2 * 5 + 1) - 1]
        in_scale, in_shift = tape.gradient(y, [scale, shift])
        assert in_scale.numpy().tolist() == [[15.0], [11.0]]
        assert in_shift.numpy().tolist() == [[3.0], [1.0]]


def test_the_order_of_steps_is_first_slice_first():
    log_scale, shift = tf.math.log([[2.0], [3.0]]), tf.constant([[1.0], [5.0]])
    parameters = {"log_scale": log_scale, "shift": shift}
    for reversible in (False, True):
        repeat = Repeat(lambda p: ActNorm(**p), parameters, 1, reversible)
        assert_close(repeat.forward(tf.constant([1.0]))[0], (1 * 2 + 1) * 3 + 5.0, rtol=1e-6)
        assert_close(repeat.inverse(tf.constant([14.0]))[0], 1.0, rtol=1e-6)
