"""Keras's `fit` for models with their own loss: checks of the data, and training and test steps."""

import math
import warnings
from collections.abc import Callable

import keras
import tensorflow as tf

from . import fit_data
from .batch_loss import as_weights, micro_batches, not_empty, replica_share, weighted_mean


class FittedModel(keras.Model):
    """A model that computes the loss of each example in `call`; `fit` minimizes their mean.

    Batches are images, (images, labels) or (images, labels, sample_weight). A model that is conditioned on
    something else takes it in place of the labels. An unconditional model ignores labels.

    A subclass defines `events`, `condition`, `num_classes`, `seed`, `initialized`, `initialize`, and
    `_check_events` and `_check_condition`, which check batches and their conditions.
    """

    # Whether the loss of an event depends on the rest of the batch.
    _needs_whole_batch = False
    # Whether `call` splits a batch into `parallel_micro_batches`.
    _cuts_batches = False
    # Whether the loss is a density, and so meaningless for float events that hold 8-bit pixels.
    _needs_continuous_events = False
    # Whether the model has weights that `initialize` sets from data.
    _depends_on_data = False

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self._micro_batches = self._parallel_micro_batches = 1
        self._micro_batch = 0

    def compile(
        self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None, **kwargs
    ) -> None:
        """Keras's `compile`, without `loss` and `metrics`: the loss is the model's own.

        Raises:
          ValueError: a loss, loss_weights, metrics or weighted_metrics.
        """
        given = {
            "loss": loss, "loss_weights": loss_weights,
            "metrics": metrics, "weighted_metrics": weighted_metrics,
        }  # fmt: skip
        for name, value in given.items():
            if value is not None:
                raise ValueError(f"{name} is {value!r}, expected None: {self.name} has its own loss.")
        super().compile(optimizer, **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model with its saved configuration."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        for optimizer in self.optimizers:
            optimizer.build(self.trainable_variables)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        *,
        validation_split=0.0,
        validation_data=None,
        sample_weight=None,
        **kwargs,
    ):
        """Keras's `fit`. A model that is not initialized is first initialized from `x`.

        For arrays, all examples are checked, and up to 256 of them, drawn from the whole array with the
        model's seed, initialize the model. A `tf.data.Dataset` of known length is handled likewise, and read
        one additional time if the model has weights that depend on data; otherwise the first batch
        initializes the model. For datasets and generators, the first batch is checked, and the labels of each
        batch before its step. Labels are integers `[N]` or `[N, 1]`. Other conditions take their place.

        Raises:
          ValueError: no data, invalid examples, labels or conditions, targets, which the model does not have,
            or `class_weight` for unknown classes.
        """
        if isinstance(x, tf.distribute.DistributedDataset):
            if not self.initialized:
                raise ValueError(
                    "x is a DistributedDataset and the model is not initialized, "
                    "expected `initialize(images)` before `fit`."
                )
        else:
            split = 0.0 if validation_data is not None else validation_split
            some, x, y, sample_weight = self._examined("fit", x, y, sample_weight, split)
            if (given := kwargs.get("class_weight")) is not None:
                kwargs["class_weight"] = fit_data.class_weights(given, _unpacked(some)[1], self.num_classes)
            self._check_sizes(x, batch_size, split, kwargs.get("steps_per_epoch"))
            if self._depends_on_data and not self.initialized and fit_data.is_finite_dataset(x):
                some = fit_data.drawn_from_batches(x, self.seed)
            self._initialize_from(some)
        if isinstance(validation_data, list | tuple):
            unpacked = keras.utils.unpack_x_y_sample_weight(validation_data)
            validation_data = self._examined("fit", *unpacked)[1:]
        return super().fit(
            x, y, batch_size, epochs, verbose, callbacks, validation_split=validation_split,
            validation_data=validation_data, sample_weight=sample_weight, **kwargs,
        )  # fmt: skip

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **kwargs):
        """Keras's `evaluate`: computes the mean loss. Checks the data as `fit` does.

        Raises:
          ValueError: see `fit`.
        """
        # Within `fit` the data was checked already, and a first batch could not be put back.
        if not kwargs.get("_use_cached_eval_dataset") and not isinstance(x, tf.distribute.DistributedDataset):
            _, x, y, sample_weight = self._examined("evaluate", x, y, sample_weight)
        return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Keras's `train_on_batch`. A model that is not initialized is initialized from the batch.

        Raises:
          ValueError: see `fit`.
        """
        some, x, y, sample_weight = self._examined("fit", x, y, sample_weight)
        if class_weight is not None:
            class_weight = fit_data.class_weights(class_weight, _unpacked(some)[1], self.num_classes)
        self._initialize_from(some)
        return super().train_on_batch(x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Keras's `test_on_batch`.

        Raises:
          ValueError: see `fit`.
        """
        return super().test_on_batch(*self._examined("evaluate", x, y, sample_weight)[1:], return_dict)

    def _examined(self, use, x, y, weights, split=0.0):
        """Returns some examples as (x, y, weights), and the data as Keras takes it; `use` is "fit", say.

        For arrays, checks all examples.
        """
        x, y, weights = (
            fit_data.as_array(part, name) for part, name in ((x, "x"), (y, "y"), (weights, "sample_weight"))
        )
        if not fit_data.is_array(x):
            some, x = fit_data.first_batch(x)
        else:
            if len(x) == 0:
                raise ValueError("x is empty, expected at least one image.")
            if y is not None:
                self._check_values(y, len(x))
            fit_data.check_lengths(x, y, weights)
            if fit_data.holds_floats(x) or fit_data.holds_floats(y):  # values may be out of range
                for block in fit_data.blocks(x, y, weights):
                    self._check_examples(block, use)
            some = fit_data.drawn(x, y, weights, max(1, math.floor(len(x) * (1 - split))), self.seed)
        self._check_examples(some, use)
        return some, *fit_data.with_labels(x, y, weights)

    def _check_examples(self, batch, use):
        """Raises ValueError for a Keras batch that the model does not accept, based on shapes and values.

        Warns about float images that hold 8-bit pixels if the loss is a density.
        """
        self._as_input(batch)
        images, beside = self._images_and_labels(batch)
        images, _ = self._check_events(images, **self.condition.keywords(beside))
        self._warn_if_quantized(images, use)

    def _warn_if_quantized(self, events, use):
        if self._needs_continuous_events:
            self.events.warn_if_quantized(events, use)

    def _check_values(self, y, count):
        """Raises ValueError for invalid labels of `count` examples."""
        if self.condition.differs_in_values:
            self._check_condition(count, **self.condition.keywords(fit_data.as_row(y)))

    def _initialize_from(self, batch):
        images, beside = self._images_and_labels(batch)
        self.initialize(images, **self.condition.keywords(beside))

    def _check_sizes(self, x, batch_size, split, steps_per_epoch):
        """Raises ValueError if a batch from arrays would have a size that the model does not accept."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the weighted mean of the losses of examples, `y_pred` `[N]`.

        On a replica, returns its share of the mean over the batch of all replicas.
        """
        return weighted_mean(y_pred, sample_weight) * replica_share(tf.shape(y_pred)[0])

    def train_step(self, data):
        inputs, weights, count = self._counted_input(data)
        gradients_of = self._gradients if self._micro_batches == 1 else self._accumulated_gradients
        loss, gradients = gradients_of(inputs, weights, replica_share(count))
        if gradients:
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        else:
            warnings.warn(f"{self.name} has no trainable weights.", stacklevel=2)
        return self._logs_of(loss, count)

    def test_step(self, data):
        inputs, weights, count = self._counted_input(data)
        return self._logs_of(weighted_mean(self(inputs, training=False), weights), count)

    def predict_step(self, data):
        """Returns the losses of examples; for a conditional model `data` is (images, labels)."""
        return self(self._as_input(data)[0], training=False)

    def _counted_input(self, data):
        """Returns `_as_input` and the number of examples; an empty batch becomes one example of weight 0."""
        inputs, weights = self._as_input(data)
        count = tf.shape(tf.nest.flatten(inputs)[0])[0]
        if self.distribute_strategy.num_replicas_in_sync > 1:
            inputs, weights = not_empty(inputs, weights)
        return inputs, weights, count

    def _gradients(self, inputs, weights, share):
        """Returns the mean loss of a replica's batch, and the gradient of its share of the global loss."""
        with tf.GradientTape() as tape:
            loss = weighted_mean(self(inputs, training=True), weights)
            scaled = self.optimizer.scale_loss(loss * share)
        return loss, tape.gradient(scaled, self.trainable_weights)

    def _accumulated_gradients(self, inputs, weights, share):
        """`_gradients`, summed over micro-batches."""
        count, variables = self._micro_batches, self.trainable_weights
        cut, weights, whole = micro_batches(inputs, weights, count)

        def add(k, loss, sums):
            self._micro_batch = k
            micro_batch = tf.nest.map_structure(lambda x: x[k], cut)
            with tf.GradientTape() as tape:
                losses = self(micro_batch, training=True)
                part = weighted_mean(losses, None if weights is None else weights[k]) / whole
                scaled = self.optimizer.scale_loss(part * share)
            grads = tape.gradient(scaled, variables, unconnected_gradients="zero")
            return k + 1, loss + part, [total + grad for total, grad in zip(sums, grads, strict=True)]

        start = (0, 0.0, [tf.zeros(variable.shape, variable.dtype) for variable in variables])
        _, loss, gradients = tf.while_loop(lambda k, *_: k < count, add, start)
        self._micro_batch = 0
        return loss, gradients

    def _logs_of(self, loss, count):
        self._loss_tracker.update_state(loss, sample_weight=count)
        return self._as_logs(self.get_metrics_result())

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = self._checking(self.train_function, self._check_training_batch)

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._checking(self.test_function, self._check_batch)

    def make_predict_function(self, force=False):
        if self.predict_function is None or force:
            super().make_predict_function(force)
            function: Callable = self.predict_function  # pyright: ignore[reportAssignmentType]  # made above

            def checked(batches):  # a list: `predict` itself takes them from the iterator
                for batch in batches:
                    self._check_batch(batch)
                return function(batches)

            self.predict_function = checked if self._checks_batches else function

    def _checking(self, function: Callable, check: Callable) -> Callable:
        """Wraps Keras's `function` of an iterator so that each batch is checked before its step, if needed.

        The check is outside the graph, since XLA drops assertions.
        """
        if not self._checks_batches:
            return function
        return lambda iterator: function(fit_data.checked(iterator, self.steps_per_execution, check))

    @property
    def _checks_batches(self) -> bool:
        """Whether a batch of valid shapes may still be one that the model does not accept."""
        return self.condition.differs_in_values or (
            self._needs_whole_batch and self.distribute_strategy.num_replicas_in_sync > 1
        )

    def _check_batch(self, batch):
        """Raises ValueError for a batch, of all replicas, with invalid labels."""
        images, y, _ = _unpacked(batch)
        if self.condition.differs_in_values and y is not None:
            count = sum(fit_data.row_counts(self.distribute_strategy, images))
            self._check_values(fit_data.gathered(self.distribute_strategy, y), count)

    def _check_training_batch(self, batch):
        """Raises ValueError for a batch, of all replicas, that is not valid for a training step."""
        self._check_batch(batch)
        counts = fit_data.row_counts(self.distribute_strategy, _unpacked(batch)[0])
        if self._needs_whole_batch and 0 in counts:
            raise ValueError(
                f"x has a batch of {sum(counts)} images, expected at least one for each of the "
                f"{self.distribute_strategy.num_replicas_in_sync} replicas."
            )

    def _noise_step(self):
        """Returns the number that seeds training noise, distinct for every step and micro-batch."""
        optimizer = getattr(self, "optimizer", None)
        step = optimizer.iterations if optimizer is not None else 0
        return tf.cast(step, tf.int64) * self._micro_batches + tf.cast(self._micro_batch, tf.int64)

    # Keras 3.15 cannot `fit` under a MultiWorkerMirroredStrategy (keras#20585) without the next two methods.
    # tests/trainers/test_multi_worker.py detects when Keras no longer needs them.

    def _as_logs(self, logs):
        """Returns logs that Keras can average over workers: it does so along axis 0, which scalars lack."""
        if isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    def _maybe_symbolic_build(self, *args, **kwargs):
        """Does nothing: the constructor builds the model, and Keras would reduce a batch over workers."""

    def _as_input(self, data):
        """Returns a Keras batch as the inputs of `call`, with conditions, and the weights or None."""
        images, y, weights = _unpacked(data)
        beside = self._beside(images, y)
        weights = None if weights is None else as_weights(weights, tf.float32)
        return images if beside is None else (images, beside), weights

    def _beside(self, images, y):
        """Returns the conditions that `call` takes with the images, or None.

        Raises:
          ValueError: a condition is missing, or y holds targets, which the model does not have.
        """
        return self.condition.of_fit(y, images, self.name)

    def _images_and_labels(self, data):
        """Returns the images of a Keras batch and their conditions (labels or others), or None."""
        images, y, _ = _unpacked(data)
        beside = self._beside(images, y)
        return images, beside if self.condition else None


def _unpacked(data):
    """Unpacks a Keras batch as (images, y, weights); `predict` passes labels as part of its images.

    Raises:
      ValueError: y is not an array.
    """
    images, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    if isinstance(images, list | tuple) and len(images) == 2 and y is None:
        images, y = images
    if y is not None and isinstance(y, dict | list | tuple | set):
        raise ValueError(f"y is of type {type(y).__name__}, expected one array, such as labels.")
    return images, y, weights
