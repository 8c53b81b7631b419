"""Spherical linear interpolation: even, on great circles, and at its edges."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from latentzoo.zoo.slerp import slerp


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_slerp_turns_and_stretches_evenly(seed, t):
    a, b = np.random.default_rng(seed).standard_normal([2, 5])
    point = slerp(a, b, np.array([t]))
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    np.testing.assert_allclose(np.linalg.norm(point), (1 - t) * lengths[0] + t * lengths[1], rtol=1e-9)

    def angle(u, v):
        return np.arccos(np.clip(u @ v / np.linalg.norm(u) / np.linalg.norm(v), -1, 1))

    np.testing.assert_allclose(angle(a, point), t * angle(a, b), atol=1e-6)


def test_slerp_from_zero_turns_to_the_other_end():
    path = slerp(np.zeros([2]), np.array([0.0, 3.0]), np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(path, [[0, 0], [0, 3]], atol=1e-6)


def test_slerp_of_parallel_vectors_is_their_line():
    a = np.array([1.0, 2.0])
    np.testing.assert_allclose(slerp(a, 3 * a, np.array([0.25])), 1.5 * a, rtol=1e-12)


def test_slerp_keeps_to_the_sphere():
    a, b = np.random.default_rng(0).standard_normal([2, 50, 8])
    b *= np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1, keepdims=True)
    for t in np.linspace(0, 1, 5):
        between = slerp(a, b, np.full([50, 1], t))
        np.testing.assert_allclose(np.linalg.norm(between, axis=1), np.linalg.norm(a, axis=1))
        cosines = [np.sum(x * between, 1) / np.sum(a * a, 1) for x in (a, b)]
        angles = [np.arccos(cosine.clip(-1, 1)) for cosine in cosines]
        np.testing.assert_allclose(angles[0] * (1 - t), angles[1] * t, atol=1e-6)
    np.testing.assert_allclose(slerp(a, b, np.ones([50, 1])), b)
    np.testing.assert_allclose(slerp(a, a, np.full([50, 1], 0.3)), a)
