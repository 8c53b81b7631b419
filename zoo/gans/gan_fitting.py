"""Keras's `fit` for two networks: two optimizers, an average of the generator, lazy steps."""

import functools
import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from .. import fit_data, weights_file
from ..model import ZooModel
from .training_part import TrainingPart
from .training_state import TrainingState

_NO_SCORE = (
    "the losses of a GAN do not measure the quality of its samples. Use `latentzoo.metrics.evaluate(model, "
    "images)`, or `eval_dataset` of `latentzoo.trainers.train`."
)
_NO_PREDICTION = "use `sample` for images of new latents, and `decode` for images of given latents."
_NO_WEIGHTS = "adversarial training has no loss per example to weight. Repeat or leave out images instead."
_REASONS = {
    "validation_data": _NO_SCORE, "validation_split": _NO_SCORE,
    "sample_weight": _NO_WEIGHTS, "class_weight": _NO_WEIGHTS,
}  # fmt: skip


class FittedGAN(ZooModel):
    """A `generator` and a `discriminator` that `fit` trains alternately.

    A subclass implements `_step` and `_lazy_step`, and returns the parts of its training from
    `training_parts`.

    Training keeps a moving average of the generator's weights, which replaces the weights when `fit` ends.
    """

    # Means that the steps log in addition to the discriminator's loss.
    metric_names: tuple[str, ...] = ()

    training_optimizers = ("adam",)

    # beta_1 and beta_2 of both networks' optimizers.
    adam_betas = (0.0, 0.99)

    # The discriminator may compare the images of a batch.
    _needs_whole_batch = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._state: TrainingState | None = None

    @property
    def _training(self) -> TrainingState:
        """The state of a compiled model."""
        assert self._state is not None
        return self._state

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        ema_images: float = 10_000.0,
        **kwargs,
    ) -> None:
        """Configures the model for training, with an optimizer for each network.

        Args:
          optimizer: for the generator. Default: Adam with `adam_settings("generator")`.
          discriminator_optimizer: for the discriminator. Default: Adam with `adam_settings("discriminator")`.
          ema_images: half-life of the generator's average, in images; 0 disables the average.
          **kwargs: other arguments of `keras.Model.compile`.
        """
        make = keras.optimizers.Adam
        super().compile(optimizer=optimizer or make(**self.adam_settings("generator")), **kwargs)
        with self.distribute_strategy.scope():
            other = discriminator_optimizer or make(**self.adam_settings("discriminator"))
            self.discriminator_optimizer = other
            self.optimizer.build(self.generator.trainable_variables)
            other.build(self.discriminator.trainable_variables)
            self._state = TrainingState(
                self.training_parts(), self.metric_names, self.generator.trainable_variables, ema_images
            )

    def adam_settings(self, network: str, learning_rate: float = 0.002) -> dict:
        """Returns the arguments of Adam for the "generator" or the "discriminator".

        A lazy step every k steps makes k steps into k + 1. So the learning rate is multiplied by
        c = k / (k + 1), and both betas are raised to the power c (StyleGAN2, appendix B).
        """
        lazy = [part for part in self.training_parts() if part.is_lazy and part.network == network]
        c = 1 / (1 + sum(1 / part.interval for part in lazy))
        beta_1, beta_2 = (beta**c for beta in self.adam_betas)
        return {"learning_rate": learning_rate * c, "beta_1": beta_1, "beta_2": beta_2, "epsilon": 1e-8}

    def compile_for_training(self, make_optimizer: Callable, *, ema: float, batch_size: int) -> None:
        """Compiles both networks with optimizers of `latentzoo.trainers`: see `ZooModel`."""
        generator, discriminator = (
            make_optimizer(rate_scale=adam.pop("learning_rate"), **adam)
            for adam in (self.adam_settings(network, 1.0) for network in ("generator", "discriminator"))
        )
        half_life = batch_size * math.log(0.5) / math.log(ema) if ema else 0
        self.compile(generator, discriminator, ema_images=half_life, jit_compile=False)

    def training_parts(self) -> list[TrainingPart]:
        """Returns new instances of what training adds to the adversarial losses."""
        return []

    @property
    def _parts(self) -> Sequence[TrainingPart]:
        """The training parts of a compiled model."""
        return () if self._state is None else self._state.parts

    def get_compile_config(self) -> dict:
        """Returns Keras's configuration plus the second optimizer."""
        config = super().get_compile_config()
        if self._state is not None:
            config["discriminator_optimizer"] = keras.saving.serialize_keras_object(
                self.discriminator_optimizer
            )
            config["ema_images"] = self._state.ema_images
        return config

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model with a saved configuration."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def save_own_variables(self, store) -> None:
        """Saves the weights and, for a compiled model, its training state; Keras saves the optimizers."""
        super().save_own_variables(store)
        if self._state is not None:
            for name, variable in self._state.named_variables().items():
                store[name] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Loads what `save_own_variables` saved."""
        saved = {name: store[name] for name in store.keys()}  # noqa: SIM118
        weights = {name: value for name, value in saved.items() if name.isdecimal()}
        keras.Model.load_own_variables(self, weights)
        weights_file.check_store(self, store)
        if self._state is not None:
            for name, variable in self._state.named_variables().items():
                if name in saved:
                    variable.assign(saved[name])

    @property
    def steps(self) -> int:
        """Number of training steps since `compile`, without lazy steps."""
        return 0 if self._state is None else int(self._state.step.numpy())

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The optimizers of the generator and of the discriminator."""
        return [self.optimizer, self.discriminator_optimizer]

    @property
    def training_variables(self) -> list[tf.Variable]:
        """Variables that the next step depends on, except the weights: optimizer slots, averages, counts."""
        return super().training_variables + self._training.variables

    @property
    def has_averages(self) -> bool:
        """Whether training keeps an average of the generator's weights."""
        return bool(self._training.averages)

    def use_averages(self) -> None:
        """Replaces the generator's weights by their averages."""
        if self.has_averages:
            state = self._training
            for variable, average in zip(state.averaged, state.averages, strict=True):
                variable.assign(average)

    def fit(
        self,
        x=None,
        y=None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose="auto",
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None = None,
        **kwargs,
    ) -> keras.callbacks.History:
        """Trains as `ZooModel.fit`, then replaces the generator's weights by their averages.

        A second `fit` does not resume the first: the optimizers' slots belong to the raw weights.

        Raises:
          ValueError: as `ZooModel.fit`; validation data, since no loss measures the quality of samples;
            weights of examples or classes.
        """
        if self._state is None:
            raise ValueError(f"{self.name} is not compiled, expected `compile()` before `fit`.")
        for name in ("validation_data", "validation_split", "sample_weight", "class_weight"):
            given = kwargs.get(name)
            if given is not None and not (name == "validation_split" and given == 0):
                raise ValueError(f"{name} was given, expected none: {_REASONS[name]}")
        # First in the list, so that weights that other callbacks restore at the end stay.
        averages = keras.callbacks.LambdaCallback(on_train_end=lambda logs: self.use_averages())
        callbacks = [averages, *tf.nest.flatten([] if callbacks is None else callbacks)]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def evaluate(self, *args, **kwargs):
        """Raises ValueError: no loss of a GAN measures the quality of its samples."""
        raise ValueError(f"{self.name} has no evaluate: {_NO_SCORE}")

    def test_on_batch(self, *args, **kwargs):
        """Raises ValueError, as `evaluate`."""
        raise ValueError(f"{self.name} has no test_on_batch: {_NO_SCORE}")

    def predict(self, *args, **kwargs):
        """Raises ValueError: use `sample` or `decode`."""
        raise ValueError(f"{self.name} has no predict: {_NO_PREDICTION}")

    def predict_on_batch(self, *args, **kwargs):
        """Raises ValueError, as `predict`."""
        raise ValueError(f"{self.name} has no predict_on_batch: {_NO_PREDICTION}")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` logs: the discriminator's loss, and the metrics of the steps and of the training parts.

        Metrics of lazy steps are NaN from a reset until the next lazy step.
        """
        return super().metrics + ([] if self._state is None else self._state.all_metrics)

    def make_train_function(self, force: bool = False) -> None:
        """Makes a function of a step and the lazy steps that are due, each a separate graph."""
        if self.train_function is not None and not force:
            return
        step, after = self._on_replicas(self._step), self._function(self._after_step)
        lazy = [
            (part.interval, self._on_replicas(functools.partial(self._lazy_step, part)))
            for part in self._parts
            if part.is_lazy
        ]

        def train_function(iterator):
            for data in fit_data.checked(iterator, self.steps_per_execution, self._check_training_batch):
                number = self.steps
                count = step(data)
                for interval, lazy_step in lazy:
                    if number % interval == 0:
                        lazy_step(data)
                logs = after(count)
            return logs

        self.train_function = train_function

    def _images_and_labels(self, data):
        if keras.utils.unpack_x_y_sample_weight(data)[2] is not None:
            raise ValueError(f"sample_weight was given, expected none: {_REASONS['sample_weight']}")
        return super()._images_and_labels(data)

    def _on_replicas(self, function: Callable) -> Callable:
        """Runs `function` on the batch of each replica; sums the counts that it returns."""

        def on_replicas(data):
            counts = self.distribute_strategy.run(function, args=(data,))
            return self.distribute_strategy.reduce("SUM", counts, axis=None)

        return self._function(on_replicas)

    def _function(self, function: Callable) -> Callable:
        if self.run_eagerly:
            return function
        return tf.function(function, jit_compile=self.jit_compile, reduce_retracing=True, autograph=False)

    def _step(self, data) -> tf.Tensor:
        """Updates both networks on one replica; returns the number of images."""
        raise NotImplementedError

    def _lazy_step(self, part: TrainingPart, data) -> tf.Tensor:
        """A step on the loss of one lazy part; returns the number of images."""
        raise NotImplementedError

    def _after_step(self, count):
        """Updates counts, averages and parts across all replicas; returns the logs of `fit`."""
        state = self._training
        state.count(count)
        state.average(state.averaged, count)
        logs = self.get_metrics_result()
        for part in state.parts:
            part.after_step(state.step, state.images, count)
        return logs
