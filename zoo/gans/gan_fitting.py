"""Keras's `fit` of two networks: two optimizers, an average of the generator, lazy steps."""

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
    "the losses of a GAN do not say how good its samples are. Use `latentzoo.metrics.evaluate(model, "
    "images)`, or `eval_dataset` of `latentzoo.trainers.train`."
)
_NO_PREDICTION = "use `sample` for images of new latents, and `decode` for those of given ones."
_NO_WEIGHTS = (
    "the game of two networks has no loss for each example to weigh. Repeat or leave out images instead."
)
_REASONS = {
    "validation_data": _NO_SCORE, "validation_split": _NO_SCORE,
    "sample_weight": _NO_WEIGHTS, "class_weight": _NO_WEIGHTS,
}  # fmt: skip


class FittedGAN(ZooModel):
    """A `generator` and a `discriminator` that `fit` trains in turn.

    A subclass writes `_step` and `_lazy_step`, and lists the parts of its training.

    A moving average of the generator's weights is kept. It takes their place when `fit` ends: what a model
    samples with is the average.
    """

    # What the steps log beside the discriminator's loss: averages.
    metric_names: tuple[str, ...] = ()

    training_optimizers = ("adam",)

    # Momenta of both networks' optimizers.
    adam_betas = (0.0, 0.99)

    # The discriminator may compare the images of a batch.
    _needs_whole_batch = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._state: TrainingState | None = None

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        ema_images: float = 10_000.0,
        **kwargs,
    ) -> None:
        """Keras's `compile`, with an optimizer for each network.

        Args:
          optimizer: of the generator; None: Adam with `adam_settings("generator")`.
          discriminator_optimizer: of the discriminator; None alike.
          ema_images: half-life of the average of the generator, in images; 0: no average.
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
        """Arguments of Adam for the "generator" or the "discriminator".

        With a lazy step every k steps, k + 1 are taken in the time of k. So the rate is scaled by
        c = k / (k + 1), and the momenta are to the power of c (StyleGAN2, appendix B).
        """
        lazy = [part for part in self.training_parts() if part.is_lazy and part.network == network]
        c = 1 / (1 + sum(1 / part.interval for part in lazy))
        beta_1, beta_2 = (beta**c for beta in self.adam_betas)
        return {"learning_rate": learning_rate * c, "beta_1": beta_1, "beta_2": beta_2, "epsilon": 1e-8}

    def compile_for_training(self, make_optimizer, *, ema, batch_size):
        generator, discriminator = (
            make_optimizer(rate_scale=adam.pop("learning_rate"), **adam)
            for adam in (self.adam_settings(network, 1.0) for network in ("generator", "discriminator"))
        )
        half_life = batch_size * math.log(0.5) / math.log(ema) if ema else 0
        self.compile(generator, discriminator, ema_images=half_life, jit_compile=False)

    def training_parts(self) -> list[TrainingPart]:
        """What the training adds to the game of the networks; a new list each time."""
        return []

    @property
    def _parts(self) -> Sequence[TrainingPart]:
        """Those of the training since `compile`."""
        return () if self._state is None else self._state.parts

    def get_compile_config(self) -> dict:
        """Keras's, with the second optimizer: a loaded model is compiled as it was."""
        config = super().get_compile_config()
        if self._state is not None:
            config["discriminator_optimizer"] = keras.saving.serialize_keras_object(
                self.discriminator_optimizer
            )
            config["ema_images"] = self._state.ema_images
        return config

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model as it was."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def save_own_variables(self, store) -> None:
        """The weights and, of a compiled model, what its training knows beside them and its optimizers."""
        super().save_own_variables(store)
        if self._state is not None:
            for name, variable in self._state.named_variables().items():
                store[name] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """The weights and, of a compiled model, what `save_own_variables` saved beside them."""
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
        """How many training steps were taken since `compile`, lazy ones not counted."""
        return 0 if self._state is None else int(self._state.step.numpy())

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The generator's and the discriminator's."""
        return [self.optimizer, self.discriminator_optimizer]

    @property
    def training_variables(self) -> list[tf.Variable]:
        """What the next training step depends on, beside the weights: slots, averages, counts."""
        return super().training_variables + self._state.variables

    @property
    def has_averages(self) -> bool:
        """Whether training keeps an average of the generator's weights."""
        return bool(self._state.averages)

    def use_averages(self) -> None:
        """Puts the averages in the place of the generator's weights."""
        if self.has_averages:
            for variable, average in zip(self._state.averaged, self._state.averages, strict=True):
                variable.assign(average)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs):
        """`ZooModel.fit`; at its end the generator's averaged weights take the place of the raw ones.

        To go on from there is another training: the optimizers' slots belong to the raw weights.

        Raises:
          ValueError: as `ZooModel.fit`; validation data, for no loss says how good samples are;
            weights of examples or classes.
        """
        if self._state is None:
            raise ValueError(f"{self.name} is not compiled, expected `compile()` before `fit`.")
        for name in ("validation_data", "validation_split", "sample_weight", "class_weight"):
            given = kwargs.get(name)
            if given is not None and not (name == "validation_split" and given == 0):
                raise ValueError(f"{name} was given, expected none: {_REASONS[name]}")
        # Before the callbacks of others, so that what they restore at the end stays.
        averages = keras.callbacks.LambdaCallback(on_train_end=lambda logs: self.use_averages())
        callbacks = [averages, *tf.nest.flatten([] if callbacks is None else callbacks)]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **kwargs)

    def evaluate(self, *args, **kwargs):
        """Raises ValueError: no loss of a GAN says how good its samples are."""
        raise ValueError(f"{self.name} has no evaluate: {_NO_SCORE}")

    def test_on_batch(self, *args, **kwargs):
        """Raises ValueError, as `evaluate`."""
        raise ValueError(f"{self.name} has no test_on_batch: {_NO_SCORE}")

    def predict(self, *args, **kwargs):
        """Raises ValueError: images are made by `sample` and `decode`."""
        raise ValueError(f"{self.name} has no predict: {_NO_PREDICTION}")

    def predict_on_batch(self, *args, **kwargs):
        """Raises ValueError, as `predict`."""
        raise ValueError(f"{self.name} has no predict_on_batch: {_NO_PREDICTION}")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` logs: Keras's loss, which is the discriminator's, those of the steps and of the parts.

        Those of lazy steps are NaN in Keras's logs until the first one since the metrics were reset.
        """
        return super().metrics + ([] if self._state is None else self._state.all_metrics)

    def make_train_function(self, force=False):
        """A step and, when their turn comes, the lazy ones; each a graph of its own."""
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
        """`function` of a replica's batch as one of all replicas'; the counts it returns are summed."""

        def on_replicas(data):
            counts = self.distribute_strategy.run(function, args=(data,))
            return self.distribute_strategy.reduce("SUM", counts, axis=None)

        return self._function(on_replicas)

    def _function(self, function: Callable) -> Callable:
        if self.run_eagerly:
            return function
        return tf.function(function, jit_compile=self.jit_compile, reduce_retracing=True, autograph=False)

    def _step(self, data) -> tf.Tensor:
        """A step of both networks on a replica; returns how many images it had."""
        raise NotImplementedError

    def _lazy_step(self, part: TrainingPart, data) -> tf.Tensor:
        """A step on the loss of a lazy part alone; returns how many images it had."""
        raise NotImplementedError

    def _after_step(self, count):
        """Counts, averages, parts; all replicas together. Returns what `fit` logs."""
        state = self._state
        state.count(count)
        state.average(state.averaged, count)
        logs = self.get_metrics_result()
        for part in state.parts:
            part.after_step(state.step, state.images, count)
        return logs
