"""The interface between models and `trainers.train`: defaults, optimizers, weight averages, alarms."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike


class TrainingHooks(keras.Model):
    """The methods of a model that `trainers.train` needs in addition to Keras's `fit`.

    The defaults are for a model with one optimizer that trains all weights; a family overrides what differs.
    """

    # The name of the loss, such as bits_per_dim.
    loss_name = "loss"

    # The model's default settings for `trainers.train`; settings passed by the user take precedence.
    training_defaults: Mapping = MappingProxyType(
        {"learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": None, "clip_norm": 1.0, "ema": 0.999}
    )

    # The Keras names of the optimizers that the model can be trained with; empty for any.
    training_optimizers: tuple[str, ...] = ()

    # The number of examples that `find_collapse` needs; 0 for a model that does not collapse.
    collapse_examples = 0

    # Whether to warn if an unconditional model is trained on data with classes, probably by mistake.
    warns_of_unused_classes = False

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The optimizers that `fit` uses, once the model is compiled."""
        return [self.optimizer]

    @property
    def steps(self) -> int:
        """The number of training steps since `compile`."""
        return int(self.optimizer.iterations.numpy())

    @property
    def training_variables(self) -> list[tf.Variable]:
        """The variables that the next training step depends on, in addition to the weights."""
        return [variable.value for optimizer in self.optimizers for variable in optimizer.variables]

    @property
    def has_averages(self) -> bool:
        """Whether training keeps an average of the weights."""
        return self.optimizer.use_ema

    def use_averages(self) -> None:
        """Replaces the weights by their averages."""
        self.optimizer.finalize_variable_values(self.trainable_variables)

    def compile_for_training(
        self, make_optimizer: Callable[..., keras.optimizers.Optimizer], *, ema: float, batch_size: int
    ) -> None:
        """Compiles the model for `trainers.train` and builds its optimizers.

        Args:
          make_optimizer: `make_optimizer(rate_scale=1.0, **options)` returns a new optimizer with the
            learning rate schedule and clipping of the training. `rate_scale` multiplies the learning rate,
            for an optimizer that takes 1 / rate_scale as many steps as the training has. `options` are those
            of the Keras optimizer.
          ema: decay per step of the moving average of the weights; 0 for no average.
          batch_size: number of images per step, over all replicas.
        """
        optimizer = make_optimizer(use_ema=ema > 0, ema_momentum=ema or 0.99)  # Keras always validates it
        optimizer.build(self.trainable_variables)
        # XLA takes minutes to compile a flow for the CPU, without any speedup.
        self.compile(optimizer=optimizer, jit_compile=False)

    def finish_training(self, batches: Iterable) -> None:
        """Called at the end of training, with the averaged weights in place.

        Args:
          batches: batches of the training data as for `fit`, repeated indefinitely.
        """

    def find_collapse(self, images: np.ndarray, labels: np.ndarray | None = None) -> str | None:
        """Returns a message about a collapse that is not visible in the loss, or None.

        Args:
          images: up to `collapse_examples` of the training data, uint8 or float32 in [0, 1].
          labels: int `[N]`, for conditional models.
        """
        return None

    def training_histograms(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns values that TensorBoard shows as histograms during training, by name; none by default.

        Args:
          images: some of the training data.
          labels: int `[N]`, for class-conditional models.
          condition: for models conditioned on something else.
        """
        return {}
