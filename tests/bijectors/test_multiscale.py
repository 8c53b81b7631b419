"""MultiScale: where the parts go, and the density of an image."""

import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import MultiScale, Squeeze

from ..jacobians import jacobian_log_dets
from .cases import CASES
from .measure import assert_close, fresh

tfb, tfd = tfp.bijectors, tfp.distributions

CASE = next(case for case in CASES if case.name == "multi_scale")


def standard(h):
    return tf.zeros_like(h), tf.zeros_like(h)


def test_half_of_the_channels_leave_at_each_level():
    """The first half goes on, the second leaves first (by hand, with bare squeezes)."""
    flow = MultiScale([Squeeze(), Squeeze()], [standard, standard], event_shape=(4, 4, 1))
    image = np.arange(16.0, dtype=np.float32).reshape(4, 4, 1)
    # Row 0 of a 2x2 block stays, row 1 leaves.
    left = [4, 5, 6, 7, 12, 13, 14, 15]
    # Kept channels are (0,1 | 2,3 | 8,9 | 10,11); the squeeze puts channel before place.
    top = [0, 2, 8, 10, 1, 3, 9, 11]
    assert flow.forward(image).numpy().tolist() == left + top
    assert flow.part_shapes == [(2, 2, 2), (1, 1, 8)]


def test_a_split_prior_standardises_what_leaves_given_what_stays():
    def prior(kept):
        return 10 * kept, tf.fill(tf.shape(kept), math.log(2.0))

    def top(h):
        return tf.fill(tf.shape(h), 1.0), tf.fill(tf.shape(h), math.log(4.0))

    flow = MultiScale([tfb.Identity(), tfb.Identity()], [prior, top], event_shape=(1, 1, 2))
    x = tf.constant([[[5.0, 60.0]]])
    assert flow.forward(x).numpy().tolist() == [(60 - 50) / 2, (5 - 1) / 4]
    log_det = flow.forward_log_det_jacobian(x, 3)
    assert_close(log_det, -math.log(2.0) - math.log(4.0), rtol=1e-6)


def test_log_prob_of_images_is_that_of_the_jacobian():
    flow = CASE.build(CASE.parameters())
    base = tfd.Sample(tfd.Normal(tf.zeros([], tf.float64), 1), [16])
    x = CASE.inputs([3])
    log_prob = tfd.TransformedDistribution(base, tfb.Invert(flow)).log_prob(x)
    z = flow.forward(fresh(x)).numpy()
    by_hand = np.sum(-0.5 * z**2 - 0.5 * math.log(2 * math.pi), -1)
    assert log_prob.shape == [3]
    assert_close(log_prob, by_hand + jacobian_log_dets(flow.forward, x), rtol=1e-11)


def test_latents_are_split_into_parts_and_joined_again():
    flow = CASE.build(CASE.parameters())
    z = tf.random.stateless_normal([2, 3, 16], [0, 0], dtype=tf.float64)
    parts = flow.split_latents(z)
    assert [part.shape for part in parts] == [[2, 3, *shape] for shape in flow.part_shapes]
    assert_close(flow.join_latents(parts), z, rtol=0)


def test_the_part_that_leaves_at_a_split_does_not_reach_the_next_level():
    """Latents of the top level depend on the kept half alone."""
    flow = CASE.build(CASE.parameters())
    z = tf.random.stateless_normal([16], [0, 0], dtype=tf.float64)
    first, top = flow.split_latents(z)
    other = flow.inverse(flow.join_latents([first + 1, top]))
    again_first, again_top = flow.split_latents(flow.forward(fresh(other)))
    assert_close(again_top, top, rtol=0, atol=1e-12)
    assert_close(again_first, first + 1, rtol=0, atol=1e-12)
