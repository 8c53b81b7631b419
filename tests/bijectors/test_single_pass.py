"""A coupling network runs once for a value and its log-determinant, and a pass is never stale."""

import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import ActNorm, AffineCoupling, MultiScale, Repeat, Squeeze

tfb, tfd = tfp.bijectors, tfp.distributions

STEPS = 3


class Counter:
    """A coupling network that counts, in a variable, how often it has run."""

    def __init__(self):
        self.runs = tf.Variable(0, trainable=False)

    def __call__(self, x):
        self.runs.assign_add(1)
        return tf.concat([tf.sin(x), tf.cos(x)], -1)

    def pop(self) -> int:
        runs = int(self.runs)
        self.runs.assign(0)
        return runs


def one_coupling(counter):
    return AffineCoupling(counter)


def repeat(reversible):
    def make(counter):
        parameters = {"log_scale": tf.zeros([STEPS, 4]), "shift": tf.ones([STEPS, 4])}
        step = lambda p: tfb.Chain([AffineCoupling(counter), ActNorm(**p)])  # noqa: E731
        return Repeat(step, parameters, reversible=reversible)

    return make


def two_levels(counter):
    coupling = AffineCoupling(counter)
    standard = lambda h: (tf.zeros_like(h), tf.zeros_like(h))  # noqa: E731
    levels = [coupling, tfb.Chain([AffineCoupling(counter), Squeeze()])]
    return MultiScale(levels, [standard, standard], event_shape=(4, 4, 4))


FLOWS = {
    "coupling": (one_coupling, 1),
    "repeat-stored": (repeat(False), STEPS),
    "repeat-reversible": (repeat(True), STEPS),
    "multi_scale": (two_levels, 2),
}
EAGER_AND_GRAPH = {"eager": lambda f: f, "graph": tf.function}


@pytest.fixture(params=FLOWS)
def flow(request):
    """(distribution, bijector, counter, couplings), the bijector within Chain and Invert."""
    make, couplings = FLOWS[request.param]
    counter = Counter()
    bijector = make(counter)
    base = tfd.Sample(tfd.Normal(0.0, 1.0), bijector.forward_event_shape([4, 4, 4]))
    flow = tfb.Invert(tfb.Chain([bijector, tfb.Shift(0.5)]))
    return tfd.TransformedDistribution(base, flow), bijector, counter, couplings


@pytest.mark.parametrize("mode", EAGER_AND_GRAPH)
def test_log_prob_runs_each_network_once(flow, mode):
    distribution, _, counter, couplings = flow
    log_prob = EAGER_AND_GRAPH[mode](distribution.log_prob)
    log_prob(tf.ones([2, 4, 4, 4]))
    assert counter.pop() == couplings


@pytest.mark.parametrize("mode", EAGER_AND_GRAPH)
def test_a_sample_with_its_log_prob_runs_each_network_once(flow, mode):
    distribution, _, counter, couplings = flow
    EAGER_AND_GRAPH[mode](lambda: distribution.experimental_sample_and_log_prob(2, seed=[0, 0]))()
    assert counter.pop() == couplings
    sample = distribution.sample(2, seed=[0, 0])
    assert counter.pop() == couplings
    distribution.log_prob(sample)
    assert counter.pop() == 0  # the cache knows where the sample came from


@pytest.mark.parametrize("mode", EAGER_AND_GRAPH)
def test_a_log_determinant_alone_runs_each_network_once(flow, mode):
    _, bijector, counter, couplings = flow
    EAGER_AND_GRAPH[mode](lambda x: bijector.forward_log_det_jacobian(x, 3))(tf.ones([4, 4, 4]))
    assert counter.pop() == couplings


@pytest.mark.parametrize(("reversible", "runs"), [(False, STEPS), (True, 3 * STEPS)])
@pytest.mark.parametrize("mode", EAGER_AND_GRAPH)
def test_a_training_step_of_a_reversible_repeat_runs_each_network_three_times(mode, reversible, runs):
    """Forward, then backward an inverse and a forward again."""
    counter = Counter()
    bijector = repeat(reversible)(counter)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            x_in = tf.identity(x)
            value = tf.reduce_sum(bijector.forward(x_in)) + tf.reduce_sum(
                bijector.forward_log_det_jacobian(x_in, 3)
            )
        return tape.gradient(value, x)

    EAGER_AND_GRAPH[mode](gradient)(tf.ones([2, 4, 4, 4]))
    assert counter.pop() == runs


@pytest.mark.parametrize("reversible", [False, True])
def test_a_bijector_built_afresh_over_changed_variables_gives_new_values(reversible):
    """Though the input is the same tensor, and the old output is still alive."""
    x = tf.ones([2, 4])
    shift = tf.Variable(tf.zeros([3, 4]))
    log_scale = tf.Variable(tf.zeros([3, 4]))

    def build():
        parameters = {"log_scale": log_scale, "shift": shift}
        return Repeat(lambda p: ActNorm(**p), parameters, 1, reversible)

    def build_one():
        return ActNorm(log_scale[0] + 0, shift[0] + 0)

    before = [build().forward(x), build_one().forward(x)]
    log_dets = [b.forward_log_det_jacobian(x, 1) for b in (build(), build_one())]
    shift.assign_add(tf.ones_like(shift))
    log_scale.assign_add(tf.ones_like(shift))
    after = [build().forward(x), build_one().forward(x)]
    new_log_dets = [b.forward_log_det_jacobian(x, 1) for b in (build(), build_one())]
    for old, new in zip(before + log_dets, after + new_log_dets, strict=True):
        assert float(tf.reduce_min(tf.abs(new - old))) > 0.5


def test_bijectors_over_the_same_variables_do_not_share_values():
    """Stock TFP holds them equal, and returns the first one's values after an assignment."""
    shift = tf.Variable([0.0, 0.0])
    x = tf.ones([2])
    before = ActNorm(tf.zeros([2]), shift).forward(x)
    shift.assign([5.0, 5.0])
    after = ActNorm(tf.zeros([2]), shift).forward(x)
    assert before.numpy().tolist() == [1.0, 1.0]
    assert after.numpy().tolist() == [6.0, 6.0]


def test_a_bijector_built_inside_a_tape_has_gradients_though_its_values_were_computed_before():
    x, shift = tf.ones([2]), tf.zeros([2])
    before = ActNorm(tf.zeros([2]), shift).forward(x)
    with tf.GradientTape() as tape:
        tape.watch(shift)
        y = ActNorm(tf.zeros([2]), shift).forward(x)
    assert y is not before
    assert tape.gradient(y, shift).numpy().tolist() == [1.0, 1.0]
