"""What bijectors declare: values alone do not compute log-determinants, estimates and tolerances are read."""

import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import latentzoo.bijectors
from latentzoo.bijectors import MultiScale, Repeat, SinglePassBijector, Squeeze, mean_log_det

from .cases import CASES
from .measure import assert_close, fresh, latents, passes

tfb, tfd = tfp.bijectors, tfp.distributions

EAGER_AND_GRAPH = {"eager": lambda f: f, "graph": lambda f: tf.function(f, autograph=False)}
VALUE_ONLY = [case for case in CASES if case.value_only]


class WithoutLogDet(SinglePassBijector):
    """y = 2 x, and a log-determinant that nothing can compute."""

    value_only = True

    def __init__(self, scale, name="without_log_det"):
        super().__init__(forward_min_event_ndims=3, parameters=dict(locals()), name=name)
        self._scale = scale

    def _forward_value(self, x):
        return self._scale * x

    def _inverse_value(self, y):
        return y / self._scale

    def _forward_and_log_det(self, x):
        return self._scale * x, tf.gather([0.0], 1)  # there is one number: an error where it runs


def standard(h):
    return tf.zeros_like(h), tf.zeros_like(h)


def two_levels(level):
    """The second level undoes its own scale."""
    second = tfb.Chain([tfb.Invert(level), level, Squeeze()])
    return MultiScale([level, second], [standard, standard], (4, 4, 4))


SCALES = tf.constant([0.5, 4.0])  # of the steps

# All of them multiply by 2 in total; MultiScale reorders besides.
AROUND = {
    "bare": lambda: WithoutLogDet(2.0),
    "repeat": lambda: Repeat(lambda p: tfb.Chain([WithoutLogDet(p), tfb.Identity()]), SCALES),
    "multi_scale": lambda: two_levels(tfb.Chain([WithoutLogDet(2.0), tfb.Identity()])),
    "repeat_in_multi_scale": lambda: two_levels(Repeat(WithoutLogDet, SCALES)),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("mode", EAGER_AND_GRAPH)
def test_values_alone_do_not_compute_log_determinants(around, mode):
    bijector = AROUND[around]()
    shape = bijector.forward_event_shape([4, 4, 4])
    base = tfd.Sample(tfd.Normal(3.0, 0.0), shape)
    flow = tfd.TransformedDistribution(base, tfb.Invert(tfb.Chain([bijector, tfb.Identity()])))

    def sample():
        x = flow.sample(2, seed=[0, 0])
        return x, bijector.forward(fresh(x))

    x, z = EAGER_AND_GRAPH[mode](sample)()
    assert_close(x, tf.fill([2, 4, 4, 4], 1.5), rtol=0)
    assert_close(z, tf.fill([2, *shape], 3.0), rtol=0)
    # What is asked for does run.
    with pytest.raises(tf.errors.InvalidArgumentError):
        EAGER_AND_GRAPH[mode](flow.log_prob)(x)


@pytest.mark.parametrize("case", VALUE_ONLY, ids=lambda case: case.name)
def test_a_value_alone_is_the_value_computed_with_its_log_determinant(case):
    x, z = case.inputs([2]), latents(case, [2])
    both = passes(case.build(case.parameters()), x, z, case.event_ndims)
    bijector = case.build(case.parameters())
    assert_close(bijector.forward(fresh(x)), both["forward"], rtol=1e-14)
    assert_close(bijector.inverse(fresh(z)), both["inverse"], rtol=1e-14)


def test_mean_log_det_is_mean_and_standard_error_over_seeds():
    def build(seed):
        return tfb.Scale(tf.exp(tf.cast(seed[0], tf.float32)))

    mean, standard_error = mean_log_det(build, tf.zeros([3, 2]), 1, [[1, 0], [2, 0], [6, 0]])
    # Of 2, 4, 12: each number counts once in both dimensions.
    assert_close(mean, tf.fill([3], 6.0), rtol=1e-6)
    assert_close(standard_error, tf.fill([3], (28 / 3) ** 0.5), rtol=1e-6)
    with pytest.raises(ValueError) as raised:
        mean_log_det(build, tf.zeros([3, 2]), 1, [[1, 0]])
    assert str(raised.value) == "seeds has shape (1, 2), expected [N, 2] with N at least 2."


@pytest.mark.parametrize(
    ("old", "new"), [("HistogramEqualisation", "HistogramEqualization"), ("centre", "center")]
)
def test_old_names_work_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=f"{old} is {new} now"):
        assert getattr(latentzoo.bijectors, old) is getattr(latentzoo.bijectors, new)
