"""Keras optimizers by name, with gradient clipping across replicas and skipping of non-finite steps."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import keras
import numpy as np
import tensorflow as tf


def optimizer_class(name: str) -> type[keras.optimizers.Optimizer]:
    """The Keras optimizer called `name`.

    Raises:
      ValueError: there is none.

    >>> from latentzoo.trainers.optimizers import optimizer_class
    >>> optimizer_class("adam").__name__
    'Adam'
    """
    try:
        return type(keras.optimizers.get(name))
    except ValueError:
        raise ValueError(
            f"optimizer: got {name!r}, expected the name of a Keras optimizer,"
            " such as 'adam', 'adamax' or 'adamw'."
        ) from None


def guarded(keras_class: type, clip_norm: float = 0) -> type:
    """A subclass of `keras_class` that handles the gradient of a step differently in two ways.

    The gradients of all replicas are summed before they are clipped to a global norm of `clip_norm` (0: no
    clipping). Keras's `global_clipnorm` clips each replica's part before the sum, which gives a different
    gradient.

    A step whose gradient is not finite leaves weights, slots and decay unchanged, but `iterations` advances.
    The variables `skipped_in_a_row`, `skipped` (the total) and `first_bad` (the index of the first affected
    trainable variable, or -1) record it.

    >>> import keras, numpy as np
    >>> from latentzoo.trainers.optimizers import guarded
    >>> weight = keras.Variable([1.0, 2.0])
    >>> optimizer = guarded(keras.optimizers.SGD, clip_norm=1.0)(learning_rate=0.5)
    >>> optimizer.apply([np.float32([0.0, 4.0])], [weight])
    >>> optimizer.apply([np.float32([np.nan, 0.0])], [weight])
    >>> weight.numpy().tolist(), int(optimizer.skipped), int(optimizer.iterations)
    ([1.0, 1.5], 1, 2)
    """

    class Guarded(keras_class):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            for name, initial in (("skipped_in_a_row", 0), ("skipped", 0), ("first_bad", -1)):
                counter = self.add_variable(
                    (),
                    initializer=keras.initializers.Constant(initial),
                    dtype="int32",
                    aggregation="only_first_replica",  # equal on all replicas
                    name=name,
                )
                setattr(self, name, counter)

        def apply(self, grads, trainable_variables=None):
            variables = self._trainable_variables if trainable_variables is None else trainable_variables
            self.build(variables)
            present = [k for k, grad in enumerate(grads) if grad is not None]
            # A single vector needs a single all-reduce and a single norm.
            parts = [tf.convert_to_tensor(grads[k]) for k in present]
            gradient = _sum_over_replicas(tf.concat([tf.reshape(part, [-1]) for part in parts], 0))
            norm = tf.norm(gradient)
            self._count(gradient, tf.math.is_finite(norm), [variables[k] for k in present])
            if clip_norm:
                gradient *= clip_norm / tf.maximum(norm, clip_norm)
            sizes = [part.shape.num_elements() for part in parts]
            summed = list(grads)
            for k, part, values in zip(present, parts, tf.split(gradient, sizes), strict=True):
                summed[k] = tf.reshape(values, part.shape)
            super().apply(summed, trainable_variables)

        @property
        def first_bad_path(self) -> str:
            """The path of the variable with the index `first_bad`."""
            return self._trainable_variables[int(self.first_bad.numpy())].path

        def _count(self, gradient, finite, variables):
            self.skipped_in_a_row.assign(tf.where(finite, 0, self.skipped_in_a_row + 1))
            self.skipped.assign_add(tf.where(finite, 0, 1))
            bad = tf.cond(finite, lambda: -1, lambda: self._first_bad_of(gradient, variables))
            self.first_bad.assign(bad)

        def _first_bad_of(self, gradient, variables):
            # The norm may overflow although all values are finite: then the largest value is the cause.
            size = tf.where(tf.math.is_finite(gradient), tf.abs(gradient), np.inf)
            ends = np.cumsum([variable.shape.num_elements() for variable in _tensors(variables)])
            which = tf.searchsorted(ends, [tf.argmax(size)], side="right")[0]
            return tf.gather([self._get_variable_index(variable) for variable in variables], which)

        def _all_reduce_sum_gradients(self, grads_and_vars):
            return list(grads_and_vars)  # already summed in `apply`

        def _apply_weight_decay(self, variables):
            pass  # done in `update_step`, unless the step is skipped

        def update_step(self, gradient, variable, learning_rate):
            def update():
                if self.weight_decay is not None and self._use_weight_decay(variable):
                    variable.assign_sub(variable * self.weight_decay * learning_rate)
                super(Guarded, self).update_step(gradient, variable, learning_rate)

            tf.cond(self.skipped_in_a_row == 0, update, lambda: None)

    # Serialized as the Keras optimizer.
    Guarded.__name__, Guarded.__qualname__ = keras_class.__name__, keras_class.__qualname__
    Guarded.__module__ = keras_class.__module__
    return Guarded


def _sum_over_replicas(gradient):
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradient
    return context.all_reduce(tf.distribute.ReduceOp.SUM, gradient)


def _tensors(variables):
    return [getattr(variable, "value", variable) for variable in variables]
