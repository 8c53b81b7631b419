"""Jacobians by automatic differentiation, what log-determinants are compared with."""

import numpy as np
import tensorflow as tf


def jacobian(function, event: tf.Tensor) -> np.ndarray:
    """d function(x) / dx at one event of any shape, float64 `[outputs, inputs]`, both flattened.

    `function` takes a batch of events. All rows come from one backward pass: the event is given as often as
    there are outputs, and of copy i the gradient of output i is taken. (`tape.jacobian` does the same in a
    loop, much more slowly.)
    """
    event = tf.convert_to_tensor(event)
    size = int(tf.size(function(event[tf.newaxis])))
    copies = tf.repeat(event[tf.newaxis], size, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(copies)
        # A copy of the copies: TFP's cache knows tensors by identity.
        outputs = tf.reshape(function(tf.identity(copies)), [size, size])
    rows = tape.gradient(outputs, copies, output_gradients=tf.eye(size, dtype=event.dtype))
    return tf.reshape(rows, [size, -1]).numpy().astype(np.float64)


def jacobian_log_det(function, event: tf.Tensor) -> np.ndarray:
    """log|det| of the Jacobian of `function` at one event."""
    return np.linalg.slogdet(jacobian(function, event))[1]


def jacobian_log_dets(function, events: tf.Tensor) -> np.ndarray:
    """log|det| of the Jacobian of `function` at each event `[N, ...]`, float64 `[N]`."""
    return np.array([jacobian_log_det(function, event) for event in events])
