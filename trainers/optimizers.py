"""Keras optimisers by name, with clipping that is right under replicas."""

import keras
import tensorflow as tf


def optimizer_class(name: str) -> type[keras.optimizers.Optimizer]:
    """The Keras optimiser called `name`.

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
            f"optimizer: got {name!r}, expected the name of a Keras optimiser,"
            " such as 'adam', 'adamax' or 'adamw'."
        ) from None


def clip_over_replicas(keras_class: type, clip_norm: float) -> type:
    """`keras_class` with the gradient clipped to a global norm after it is summed over replicas.

    Keras's `global_clipnorm` clips each replica's part before the sum, which is another gradient.
    """

    class Clipped(keras_class):
        def apply(self, grads, trainable_variables=None):
            context = tf.distribute.get_replica_context()
            sums = context.all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
            clipped, _ = tf.clip_by_global_norm(sums, clip_norm)
            # The optimiser sums over replicas once more: hand each an equal share.
            shares = [grad / context.num_replicas_in_sync for grad in clipped]
            return super().apply(shares, trainable_variables)

    Clipped.__name__ = keras_class.__name__
    return Clipped
