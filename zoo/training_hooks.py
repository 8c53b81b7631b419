"""What `trainers.train` asks of a model: defaults, optimizers, averages, alarms."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf


class TrainingHooks(keras.Model):
    """The part of a model that a training needs beside Keras's `fit`.

    The defaults are those of a model with one optimizer, which trains all its weights; a family overrides
    what differs.
    """

    # What the loss is, such as bits_per_dim.
    loss_name = "loss"

    # Settings of `trainers.train` that the model knows best; given ones take their place.
    training_defaults: Mapping = MappingProxyType(
        {"learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": None, "clip_norm": 1.0, "ema": 0.999}
    )

    # The optimizers that it can be trained with, by the names that Keras has for them; empty: any.
    training_optimizers: tuple[str, ...] = ()

    # How many examples of the data `find_collapse` needs; 0: such a model does not collapse.
    collapse_examples = 0

    # Whether it probably was a mistake to train an unconditional model on data with classes.
    warns_of_unused_classes = False

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Those that `fit` steps with; there are some once the model is compiled."""
        return [self.optimizer]

    @property
    def steps(self) -> int:
        """How many training steps were taken since `compile`."""
        return int(self.optimizer.iterations.numpy())

    @property
    def training_variables(self) -> list[tf.Variable]:
        """What the next training step depends on, beside the weights."""
        return [variable.value for optimizer in self.optimizers for variable in optimizer.variables]

    @property
    def has_averages(self) -> bool:
        """Whether training keeps an average of the weights."""
        return self.optimizer.use_ema

    def use_averages(self) -> None:
        """Puts the averages in the weights' place."""
        self.optimizer.finalize_variable_values(self.trainable_variables)

    def compile_for_training(
        self, make_optimizer: Callable[..., keras.optimizers.Optimizer], *, ema: float, batch_size: int
    ) -> None:
        """Compiles the model for `trainers.train`, its optimizers built.

        Args:
          make_optimizer: `make_optimizer(rate_scale=1.0, **options)` is a new optimizer with the training's
            schedule and clipping. `rate_scale` multiplies the learning rate, for an optimizer that takes
            1 / rate_scale as many steps as the training has. `options` are those of the Keras optimizer.
          ema: decay of the average of the weights per step; 0: no average.
          batch_size: images of a step, over all replicas.
        """
        optimizer = make_optimizer(use_ema=ema > 0, ema_momentum=ema or 0.99)  # which Keras checks always
        optimizer.build(self.trainable_variables)
        # XLA takes minutes to compile a flow for a processor, and gains nothing there.
        self.compile(optimizer=optimizer, jit_compile=False)

    def finish_training(self, batches: Iterable) -> None:
        """Called at the end of a training, with the averaged weights in place.

        Args:
          batches: of the training data, as `fit` takes them, without end.
        """

    def find_collapse(self, images: np.ndarray, labels: np.ndarray | None = None) -> str | None:
        """A sentence about a collapse that the loss does not show, or None.

        Args:
          images: up to `collapse_examples` of the training data, uint8 or float32 in [0, 1].
          labels: int `[N]` of a conditional model.
        """
        return None

    def training_histograms(self, images, labels=None, condition=None) -> dict[str, tf.Tensor]:
        """What TensorBoard shows as histograms in training, by name: nothing, unless a subclass says so.

        Args:
          images: some of the training data.
          labels: int `[N]` of a class-conditional model.
          condition: of a model that is conditioned on something else.
        """
        return {}
