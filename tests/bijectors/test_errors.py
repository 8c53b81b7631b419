"""The exact text of errors: one sentence that says what came and what was expected."""

import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from latentzoo.bijectors import (
    ActNorm,
    AdditiveCoupling,
    AffineCoupling,
    AlternatingChannels,
    BatchNorm,
    ChannelHalves,
    Checkerboard,
    InvertibleConv1x1,
    MultiScale,
    Repeat,
    Squeeze,
    logit,
)

from .residual import Residual

tfb = tfp.bijectors


def actnorm(channels=3):
    return ActNorm(tf.zeros([channels]), tf.zeros([channels]))


def conv(channels=3):
    return InvertibleConv1x1(*InvertibleConv1x1.random_rotation(channels, seed=0))


def batch_norm(**kwargs):
    return BatchNorm(tf.zeros([3]), tf.ones([3]), **kwargs)


def standard(h):
    return tf.zeros_like(h), tf.zeros_like(h)


def multi_scale():
    return MultiScale([Squeeze(), Squeeze()], [standard, standard], event_shape=(4, 4, 1))


def images(*shape):
    return tf.zeros(shape)


ERRORS = [
    (
        "actnorm-channels",
        lambda: actnorm().forward(images(2, 4, 4, 5)),
        "actnorm: the input has 5 channels (shape (2, 4, 4, 5)), expected 3.",
    ),
    (
        "actnorm-inverse-channels",
        lambda: actnorm().inverse(images(2, 5)),
        "actnorm: the input has 5 channels (shape (2, 5)), expected 3.",
    ),
    (
        "actnorm-rank",
        lambda: actnorm().forward(tf.constant(1.0)),
        "actnorm: the input has shape (), expected at least 1 dimension.",
    ),
    (
        "conv-channels",
        lambda: conv().forward(images(4, 4, 1)),
        "invertible_conv_1x1: the input has 1 channels (shape (4, 4, 1)), expected 3.",
    ),
    (
        "conv-inverse-rank",
        lambda: conv().inverse(tf.constant(1.0)),
        "invertible_conv_1x1: the input has shape (), expected at least 1 dimension.",
    ),
    (
        "batch_norm-channels",
        lambda: batch_norm().forward(images(2, 2)),
        "batch_norm: the input has 2 channels (shape (2, 2)), expected 3.",
    ),
    (
        "batch_norm-inverse-in-training",
        lambda: batch_norm(training=True).inverse(images(2, 3)),
        "batch_norm: inverse was called with training=True, expected training=False, for the statistics "
        "of a batch are known in the forward direction only.",
    ),
    (
        "batch_norm-epsilon",
        lambda: batch_norm(epsilon=0.0),
        "batch_norm: epsilon is 0.0, expected a number above 0.",
    ),
    (
        "coupling-rank",
        lambda: AffineCoupling(tf.identity).forward(images(4, 4)),
        "affine_coupling: the input has shape (4, 4), expected at least 3 dimensions.",
    ),
    (
        "coupling-one-channel",
        lambda: AdditiveCoupling(tf.identity).forward(images(2, 4, 4, 1)),
        "additive_coupling: the input has 1 channel (shape (2, 4, 4, 1)), expected at least 2 to split.",
    ),
    (
        "coupling-one-channel-alternating",
        lambda: AffineCoupling(tf.identity, AlternatingChannels()).forward(images(4, 4, 1)),
        "affine_coupling: the input has 1 channel (shape (4, 4, 1)), expected at least 2 to split.",
    ),
    (
        "affine-network-channels",
        lambda: AffineCoupling(tf.identity).forward(images(2, 4, 4, 6)),
        "affine_coupling: the network gave shape (2, 4, 4, 3), expected (2, 4, 4, 6) for an active part "
        "of shape (2, 4, 4, 3).",
    ),
    (
        "additive-network-pixels",  # would broadcast, with a wrong log-determinant if it were affine
        lambda: AdditiveCoupling(lambda x: x[:, :1, :1]).forward(images(2, 4, 4, 6)),
        "additive_coupling: the network gave shape (2, 1, 1, 3), expected (2, 4, 4, 3) for an active part "
        "of shape (2, 4, 4, 3).",
    ),
    (
        "checkerboard-of-vectors",
        lambda: AffineCoupling(tf.identity, Checkerboard(), event_ndims=1),
        "affine_coupling: event_ndims is 1, expected 3 for a Checkerboard mask.",
    ),
    (
        "channel_halves",
        lambda: ChannelHalves("third"),
        "ChannelHalves: active is 'third', expected 'first' or 'second'.",
    ),
    (
        "alternating_channels",
        lambda: AlternatingChannels(2),
        "AlternatingChannels: active is 2, expected 0 or 1.",
    ),
    (
        "checkerboard",
        lambda: Checkerboard(-1),
        "Checkerboard: active is -1, expected 0 or 1.",
    ),
    (
        "squeeze-odd",
        lambda: Squeeze().forward(images(2, 4, 5, 1)),
        "squeeze: the input is 4x5 (shape (2, 4, 5, 1)), expected an even height and width.",
    ),
    (
        "squeeze-odd-event-shape",
        lambda: Squeeze().forward_event_shape([7, 7, 1]),
        "squeeze: the input is 7x7 (shape (7, 7, 1)), expected an even height and width.",
    ),
    (
        "squeeze-inverse-channels",
        lambda: Squeeze().inverse(images(2, 4, 4, 6)),
        "squeeze: the input of inverse has 6 channels (shape (2, 4, 4, 6)), expected a multiple of 4.",
    ),
    (
        "squeeze-rank",
        lambda: Squeeze().forward(images(4, 4)),
        "squeeze: the input has shape (4, 4), expected at least 3 dimensions.",
    ),
    (
        "squeeze-order",
        lambda: Squeeze("last"),
        "squeeze: order is 'last', expected one of ('channel_first', 'block_first').",
    ),
    (
        "repeat-leading-axes",
        lambda: Repeat(tfb.Shift, (tf.zeros([3, 2]), tf.zeros([4, 2]))),
        "repeat: the parameters have shapes [(3, 2), (4, 2)], expected a leading axis of at least 1 step, "
        "common to all.",
    ),
    (
        "repeat-no-parameters",
        lambda: Repeat(tfb.Shift, {}),
        "repeat: the parameters have shapes [], expected a leading axis of at least 1 step, common to all.",
    ),
    (
        "repeat-no-steps",
        lambda: Repeat(tfb.Shift, tf.zeros([0, 2])),
        "repeat: the parameters have shapes [(0, 2)], expected a leading axis of at least 1 step, "
        "common to all.",
    ),
    *(
        (
            f"repeat-step-changes-shape-{reversible}",
            lambda reversible=reversible: Repeat(
                lambda p: Squeeze(), tf.zeros([3]), reversible=reversible
            ).forward(images(2, 4, 4, 1)),
            "repeat: a step maps shape (2, 4, 4, 1) to (2, 2, 2, 4), expected a step that keeps the shape.",
        )
        for reversible in (False, True)
    ),
    (
        "repeat-inaccurate-inverse",
        lambda: Repeat(
            lambda p: tfb.Chain([tfb.Invert(Residual(tf.sin, 1, tolerance=1e-3)), tfb.Scale(p)]),
            tf.ones([3]),
            event_ndims=1,
            reversible=True,
        ).forward(images(2, 4)),
        "repeat: the inverse_tolerance of a step is 0.001, expected at most 1e-05, or reversible=False.",
    ),
    (
        "multi_scale-priors",
        lambda: MultiScale([Squeeze()], [standard, standard], event_shape=(4, 4, 1)),
        "multi_scale: got 1 levels and 2 priors, expected one prior for each of at least one level.",
    ),
    (
        "multi_scale-odd-channels",
        lambda: MultiScale([actnorm(3), Squeeze()], [standard, standard], event_shape=(4, 4, 3)),
        "multi_scale: level 0 gives 3 channels, expected an even number to split.",
    ),
    (
        "multi_scale-odd-size",
        lambda: MultiScale([Squeeze(), Squeeze()], [standard, standard], event_shape=(6, 6, 1)),
        "squeeze: the input is 3x3 (shape (3, 3, 2)), expected an even height and width.",
    ),
    (
        "multi_scale-image",
        lambda: multi_scale().forward(images(2, 8, 8, 1)),
        "multi_scale: the input has shape (2, 8, 8, 1), expected images [..., 4, 4, 1].",
    ),
    (
        "multi_scale-image-rank",
        lambda: multi_scale().forward(images(4, 4)),
        "multi_scale: the input has shape (4, 4), expected at least 3 dimensions.",
    ),
    (
        "multi_scale-latents",
        lambda: multi_scale().inverse(images(2, 15)),
        "multi_scale: the latents have shape (2, 15), expected vectors [..., 16].",
    ),
    (
        "logit-margin",
        lambda: logit(0.5),
        "logit: margin is 0.5, expected a number between 0 and 1/2.",
    ),
]


@pytest.mark.parametrize(("call", "text"), [error[1:] for error in ERRORS], ids=[e[0] for e in ERRORS])
def test_the_error_says_what_came_and_what_was_expected(call, text):
    with pytest.raises(ValueError) as raised:
        call()
    assert str(raised.value) == text


def test_errors_are_the_same_inside_a_graph():
    with pytest.raises(ValueError) as raised:
        tf.function(actnorm().forward, autograph=False)(images(2, 4, 4, 5))
    assert str(raised.value) == "actnorm: the input has 5 channels (shape (2, 4, 4, 5)), expected 3."
