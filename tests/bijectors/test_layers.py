"""Each layer computes the formula of its paper, by hand in numpy."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.bijectors import (
    ActNorm,
    AffineCoupling,
    AlternatingChannels,
    ChannelHalves,
    Checkerboard,
    InvertibleConv1x1,
    Squeeze,
    sigmoid_scale,
    tanh_scale,
)

from .measure import assert_close


def images(*shape, dtype=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def test_actnorm_init_gives_mean_zero_and_variance_one_whatever_the_data():
    x = 3 + 5 * images(50, 4, 4, 3) * np.array([1.0, 10.0, 0.01])
    y = ActNorm(*ActNorm.data_dependent_init(tf.constant(x))).forward(x).numpy()
    assert_close(y.mean((0, 1, 2)), np.zeros(3), rtol=0, atol=1e-10)
    assert_close(y.std((0, 1, 2)), np.ones(3), rtol=1e-10)


def test_actnorm_init_of_a_constant_channel_is_finite_and_centered():
    x = tf.fill([4, 3], 2.0)
    log_scale, shift = ActNorm.data_dependent_init(x)
    assert np.all(np.isfinite(log_scale)) and np.all(np.isfinite(shift))
    assert_close(ActNorm(log_scale, shift).forward(x), np.zeros([4, 3]), rtol=0)


def test_invertible_conv_is_the_product_of_its_factors_at_each_pixel():
    plu = InvertibleConv1x1.random_rotation(4, seed=1, dtype="float64")
    noise = images(4, 4)
    plu = plu._replace(  # the other triangles are not used
        lower=plu.lower + noise,
        upper=plu.upper + noise,
        log_diagonal=plu.log_diagonal + noise[0],
    )
    lower = np.tril(plu.lower, -1) + np.eye(4)
    upper = np.triu(plu.upper, 1) + np.diag(plu.sign * np.exp(plu.log_diagonal))
    weight = plu.permutation @ lower @ upper
    x = images(2, 3, 5, 4)
    conv = InvertibleConv1x1(*plu)
    assert_close(conv.forward(x), np.einsum("ij,nhwj->nhwi", weight, x), rtol=1e-12, atol=1e-13)
    log_det = conv.forward_log_det_jacobian(tf.constant(x), 3)
    assert_close(log_det, 3 * 5 * np.linalg.slogdet(weight)[1], rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_invertible_conv_starts_as_a_rotation(seed):
    plu = InvertibleConv1x1.random_rotation(6, seed, "float64")
    weight = InvertibleConv1x1(*plu).forward(np.eye(6)).numpy().T
    assert_close(weight @ weight.T, np.eye(6), rtol=0, atol=1e-13)


def test_the_scales_are_those_of_glow_and_realnvp():
    h = np.linspace(-20, 20, 9)
    sigmoid = 1 / (1 + np.exp(-(h + 2)))
    assert_close(tf.exp(sigmoid_scale(tf.constant(h))), sigmoid + 1e-4, rtol=1e-11)
    assert_close(tanh_scale(0.7)(tf.constant(h)), 0.7 * np.tanh(h), rtol=1e-12)


def changed(mask, shape):
    """Which numbers a coupling changes."""
    x = np.ones(shape)
    width = 2 * mask.active_channels(shape[-1])
    coupling = AffineCoupling(lambda p: tf.ones([*p.shape[:-1], width], p.dtype), mask)
    return coupling.forward(x).numpy() != x


@pytest.mark.parametrize("channels", [2, 5])
def test_masks_change_the_part_they_name_and_no_other(channels):
    shape, half = (2, 3, channels), channels // 2
    channel = np.broadcast_to(np.arange(channels), shape)
    pixel = np.broadcast_to(np.add.outer(np.arange(2), np.arange(3))[..., None], shape)
    assert np.array_equal(changed(ChannelHalves("first"), shape), channel < half)
    assert np.array_equal(changed(ChannelHalves("second"), shape), channel >= half)
    for parity in (0, 1):
        assert np.array_equal(changed(AlternatingChannels(parity), shape), channel % 2 == parity)
        assert np.array_equal(changed(Checkerboard(parity), shape), pixel % 2 == parity)


@pytest.mark.parametrize("mask", [ChannelHalves(), AlternatingChannels(), Checkerboard()], ids=repr)
def test_the_network_sees_nothing_of_the_part_that_is_changed(mask):
    seen = []

    def network(passive):
        seen.append(passive.numpy())
        return tf.zeros([*passive.shape[:-1], 2 * mask.active_channels(4)], passive.dtype)

    x = images(2, 2, 4)
    active = changed(mask, x.shape)
    AffineCoupling(network, mask).forward(x)
    AffineCoupling(network, mask).forward(np.where(active, 99.0, x))
    assert np.array_equal(seen[0], seen[1])


def test_squeeze_orders_channels_as_documented():
    x = images(2, 4, 6, 3)
    first, block = (Squeeze(order).forward(x).numpy() for order in ("channel_first", "block_first"))
    assert np.array_equal(block, tf.nn.space_to_depth(x, 2).numpy())
    for i in range(2):
        for j in range(2):
            for c in range(3):
                pixels = x[:, i::2, j::2, c]
                assert np.array_equal(first[..., c * 4 + 2 * i + j], pixels)
                assert np.array_equal(block[..., (2 * i + j) * 3 + c], pixels)
