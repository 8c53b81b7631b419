"""`distribution()` of every flow as TFP's own distributions are: events and batches of any shape."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.zoo.flows import Glow, RealNVP

tfd = tfp.distributions

pytestmark = pytest.mark.usefixtures("eagerly")

GLOW = {"image_shape": (4, 4, 1), "levels": 2, "depth": 2, "width": 4, "num_classes": 3}
NVP = {"depth": 1, "width": 4, "blocks": 1, "num_classes": 3}
FLOWS = {
    "glow": lambda: Glow(**GLOW),
    "reversible glow": lambda: Glow(**GLOW, reversible=True, preprocess="equalize"),
    "additive glow": lambda: Glow(**GLOW, coupling="additive", permutation="shuffle"),
    "images": lambda: RealNVP(image_shape=(4, 4, 1), levels=2, **NVP),
    "vectors": lambda: RealNVP(event_shape=(3,), **NVP),
    "without classes": lambda: Glow(**{**GLOW, "num_classes": 0}),
}

# Batch shapes of labels: one class, a batch, a batch of batches.
LABELS = [1, [0, 2], [[0, 1, 2], [2, 1, 0]]]


CASES = [(name, labels) for name in FLOWS for labels in ([None] if name == "without classes" else LABELS)]


@pytest.fixture(scope="module")
def made(shaken):
    """The flows by their names, each made once."""
    return functools.cache(lambda name: shaken(FLOWS[name]()))


@pytest.fixture(params=CASES, ids=str)
def case(request, made):
    name, labels = request.param
    return made(name), labels


@pytest.fixture
def flow(case):
    return case[0]


@pytest.fixture
def labels(case):
    return case[1]


def events(flow, batch_shape):
    return np.random.default_rng(0).uniform(0.1, 0.9, [*batch_shape, *flow.event_shape]).astype(np.float32)


def row_by_row(flow, x, labels):
    """log_prob of the model itself, each event by itself, after broadcasting by hand."""
    batch = np.broadcast_shapes(x.shape[: x.ndim - len(flow.event_shape)], np.shape(labels))
    rows = np.broadcast_to(x, [*batch, *flow.event_shape]).reshape(-1, *flow.event_shape)
    classes = {} if labels is None else {"labels": np.broadcast_to(labels, batch).reshape(-1)}
    return np.asarray(flow.log_prob(np.ascontiguousarray(rows), **classes)).reshape(batch)


def test_samples_have_the_shape_of_draws_batch_and_event(flow, labels):
    distribution = flow.distribution(labels)
    batch = () if labels is None else np.shape(labels)
    assert distribution.event_shape == flow.event_shape and distribution.batch_shape == batch
    for draws in [(), (2, 3)]:
        samples = distribution.sample(draws, seed=[1, 2])
        assert samples.shape == (*draws, *batch, *flow.event_shape)
        assert len(np.unique(np.reshape(samples, [-1, flow.latent_dim]), axis=0)) == np.prod(draws + batch)


@pytest.mark.parametrize("batch_shape", [(), (2, 1, 2, 3)], ids=str)
def test_log_prob_of_any_batch_is_that_of_each_event(flow, labels, batch_shape):
    if np.ndim(labels) == 1:
        batch_shape = batch_shape[:-1]  # ends in the batch of two labels
    x = events(flow, batch_shape)
    log_prob = flow.distribution(labels).log_prob(x)
    np.testing.assert_allclose(log_prob, row_by_row(flow, x, labels), rtol=1e-4, atol=1e-3)


def test_a_joint_distribution_with_it_adds_log_probs(shaken):
    flow = shaken(FLOWS["vectors"]())
    distribution = flow.distribution(1)
    for kind, together in (
        (tfd.JointDistributionSequential, lambda x, y: [x, y]),
        (tfd.JointDistributionNamed, lambda x, y: {"x": x, "y": y}),
    ):
        joint = kind(together(distribution, tfd.Normal(0.0, 1.0)))
        x, y = events(flow, (3,)), np.float32([0, 1, 2])
        expected = distribution.log_prob(x) + tfd.Normal(0.0, 1.0).log_prob(y)
        np.testing.assert_allclose(joint.log_prob(together(x, y)), expected, rtol=1e-4, atol=1e-3)
        assert tf.nest.flatten(joint.sample(3, seed=[0, 1]))[0].shape == (3, *flow.event_shape)


def test_it_compiles(compiled, shaken):
    flow = shaken(FLOWS["reversible glow"]())
    x = events(flow, (2, 1, 2))

    @tf.function(jit_compile=True, autograph=False)
    def score_and_sample():
        distribution = flow.distribution([0, 2])
        return distribution.log_prob(x), distribution.sample([3], seed=[0, 1])

    log_prob, samples = score_and_sample()
    np.testing.assert_allclose(log_prob, row_by_row(flow, x, [0, 2]), rtol=1e-4, atol=1e-3)
    assert samples.shape == (3, 2, 4, 4, 1)


def test_wrong_labels_are_one_sentence():
    plain, conditional = FLOWS["without classes"](), FLOWS["glow"]()
    for flow, labels, message in [
        (plain, [0, 1], "labels were given"),
        (conditional, None, "labels are missing"),
        (conditional, [0, 3], "labels are from 0 to 3"),
        (conditional, [[0.5]], "labels have shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            flow.distribution(labels)
