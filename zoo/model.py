"""The base class of all models in the zoo."""

from . import keras_backend  # noqa: F401  # isort: skip
import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import ArrayLike

from . import litert, saving, weights_file
from .checks import check_count
from .conditions import Condition, of_classes
from .constructor_arguments import constructor_arguments
from .deprecation import old_name, without_old_names
from .events import Events
from .fitting import FittedModel
from .signatures import Signature
from .training_hooks import TrainingHooks


class ZooModel(TrainingHooks, FittedModel):
    """The interface and behavior that all model families share.

    The constructor builds the model from arguments that can be stored as JSON. The model keeps them in
    attributes of the same names, from which `get_config` reads them. A subclass sets `family`, `events` and,
    unless it is conditioned on class labels, `condition`. `call` computes the loss of each example, and
    `compute_loss` averages them, with the sample weights and replicas of `fit`. `fit` takes batches of
    images, (images, labels), or (images, labels, sample_weight). Unconditional models ignore the labels;
    models conditioned on an image take it in place of the labels.

    Bijectors compute in float32 under every dtype policy: the model does not cast its inputs, and the
    networks inside follow the policy. Weights are float32 regardless of Keras's floatx, image data format and
    global policy, except that a global mixed policy is followed.

    Class attributes declare what a model can do. They are literals where possible, since the command reads
    them from the sources. Metrics and commands query these attributes and never check for a class or family.
    A subclass may define one as a property if it depends on the model's arguments.

    Attributes:
      events: the kind of data that is modeled, images or vectors.
      condition: what the model is conditioned on: nothing, class labels, or an image.
      scores: the per-example metrics (`latentzoo.metrics`) that apply to the model, the default first. Those
        that do not fit its events are skipped.
      likelihood_kind: "exact", "bound" (a lower bound, the ELBO), or None for a model without likelihoods.
      sampling_options: options of `sample` in addition to seed and labels, such as "temperature"; None if
        the model does not sample.
      prior: the distribution that latents of samples are drawn from, "normal" if standard normal; None if
        there is none.
      has_styles: whether the model maps latents to styles (`mapping`) and styles to images (`synthesis`).
      pixel_rounding: how images are converted to bytes: "bin" (the index of the value's bin, of 256 in
        [0, 1]) or "nearest" (the nearest of the values k / 255).
    """

    family: str
    events: Events
    condition: Condition

    scores: tuple[str, ...] = ()
    likelihood_kind: str | None = None
    sampling_options: tuple[str, ...] | None = None
    prior: str | None = "normal"
    has_styles = False
    pixel_rounding = "bin"

    # Old names.
    latent_size = old_name("latent_size", "latent_dim")
    accumulation = old_name("accumulation", "micro_batches")
    batch_parts = old_name("batch_parts", "parallel_micro_batches")

    def __init__(self, num_classes: int = 0, dtype: str | keras.DTypePolicy | None = None, **kwargs):
        super().__init__(dtype=_dtype_policy(dtype), **kwargs)
        self.num_classes = check_count("num_classes", num_classes, 0)
        self.condition = of_classes(self.num_classes)
        self._class_names: tuple[str, ...] = ()
        self._initialized = self.add_weight(
            shape=(), dtype="bool", initializer="zeros", trainable=False, name="initialised"
        )

    @property
    def has_images(self) -> bool:
        """Whether the model's events are images."""
        return self.events.name == "images"

    @property
    def draws_images(self) -> bool:
        """Whether `sample` returns images."""
        return self.sampling_options is not None and self.has_images

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(H, W, C) of images, (D,) of vectors."""
        return self.events.shape

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of classes 0, 1, ...; empty if unknown.

        `save_to_preset` stores the names and `zoo.load` restores them; a `.keras` file does not store them.

        Raises:
          ValueError: when set to anything other than `num_classes` distinct strings or an empty sequence.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str]) -> None:
        texts = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
        if not texts or len(set(names)) != len(names) or len(names) not in (0, self.num_classes):
            raise ValueError(f"class_names are {names!r:.200}, expected {self.num_classes} different texts.")
        self._class_names = tuple(names)

    @property
    def initialized(self) -> bool:
        """Whether data-dependent initialization has been done, also if that was before saving."""
        return bool(keras.ops.convert_to_numpy(self._initialized))

    def initialize(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> None:
        """Sets the weights that depend on data (actnorm) from one batch. A second call does nothing.

        Args:
          images: a batch as for `fit`, of at least a few dozen images.
          labels: int `[N]`, for class-conditional models.
          condition: for models conditioned on something else.

        Raises:
          ValueError: invalid images, labels or condition.
        """
        images, condition = self._check_events(images, labels, condition)
        self._warn_if_quantized(images, "fit")
        if not self.initialized:
            self._initialize(images, condition)
            self._initialized.assign(True)

    def _initialize(self, images, condition):
        """Sets the weights that depend on data: none, unless a subclass overrides this."""

    def _check_events(self, events, labels=None, condition=None) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns a batch of events and its condition as tensors; raises ValueError if they are invalid."""
        events = self.events.check(events)
        return events, self._check_condition(events.shape[0], labels, condition)

    def _check_condition(self, count: int, labels=None, condition=None) -> tf.Tensor | None:
        """Returns the condition of `count` events as one tensor, or None for an unconditional model."""
        return self.condition.check(count, self.name, labels, condition)

    def _check_labels(self, labels, n: int) -> tf.Tensor | None:
        """Returns labels as int32 `[n]`, or None for an unconditional model."""
        return self._check_condition(n, labels)

    @property
    def micro_batches(self) -> int:
        """The number of micro-batches for gradient accumulation in `fit`, 1 by default. Set it before `fit`.

        The gradient is that of the whole batch, using the memory of one micro-batch.

        Raises:
          ValueError: when set below 1, or above 1 for a model that needs the whole batch, such as one with
            batch normalization.
        """
        return self._micro_batches

    @micro_batches.setter
    def micro_batches(self, count: int) -> None:
        if count != 1 and self._needs_whole_batch:
            raise ValueError(
                f"micro_batches is {count}, expected 1: {self.name} normalizes by its whole batch."
            )
        self._micro_batches = check_count("micro_batches", count, 1)
        self.train_function = None  # it was traced with the number before

    @property
    def parallel_micro_batches(self) -> int:
        """The number of micro-batches whose losses a flow computes in parallel, 1 by default.

        They run on the threads of a CPU, which is faster than several threads per operation: set
        TensorFlow's intra-op threads to the number of cores divided by the number of micro-batches
        (`trainers.strategies.share_threads`). The loss and its gradient stay the same; tracing time grows
        in proportion. Has no benefit on a GPU. Set it before `fit`.

        Raises:
          ValueError: when set below 1, or above 1 for a model that is not a flow or needs the whole batch.
        """
        return self._parallel_micro_batches

    @parallel_micro_batches.setter
    def parallel_micro_batches(self, count: int) -> None:
        if count != 1 and (self._needs_whole_batch or not self._cuts_batches):
            reason = "normalizes by" if self._needs_whole_batch else "computes the losses of"
            raise ValueError(
                f"parallel_micro_batches is {count}, expected 1: {self.name} {reason} its whole batch."
            )
        self._parallel_micro_batches = check_count("parallel_micro_batches", count, 1)
        self.train_function = None  # it was traced with the number before

    def __dir__(self):
        return without_old_names(type(self), super().__dir__())

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, including `name` and `dtype`, as JSON-compatible values."""
        dtype = keras.dtype_policies.serialize(self.dtype_policy)
        return {**constructor_arguments(self), "name": self.name, "dtype": dtype}

    def save(self, filepath, overwrite: bool = True, zipped: bool | None = None, **kwargs) -> None:
        """Keras's `save`. An existing `.keras` file is replaced atomically."""
        if weights_file.is_written_here(filepath, ".keras", overwrite) and zipped is not False and not kwargs:
            weights_file.write_archive(self, filepath)
        else:
            super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath, overwrite: bool = True, max_shard_size=None) -> None:
        """Keras's `save_weights`. An existing file is replaced atomically."""
        if weights_file.is_written_here(filepath, ".weights.h5", overwrite) and max_shard_size is None:
            weights_file.write(self, filepath)
        else:
            super().save_weights(filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_own_variables(self, store) -> None:
        """Keras's hook for reading a file. Weights in the file that differ from the model's are an error."""
        super().load_own_variables(store)
        weights_file.check_store(self, store)

    def save_to_preset(self, folder: str | os.PathLike, metadata: dict | None = None) -> None:
        """Writes a preset folder for `zoo.load`: config, weights, and metadata with checksums.

        Args:
          folder: created if missing. An existing preset is replaced as a whole.
          metadata: additional entries of metadata.json, such as `name`, `dataset`, `license`, `metrics`;
            class names are stored as `classes`.

        Raises:
          ValueError: a weight is not finite; `load` would reject it.
          OSError: the folder cannot be written.
        """
        saving.save_to_preset(self, folder, metadata)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs) -> None:
        """Keras's `export`: writes the model with a single endpoint, `serve`, which computes `model(inputs)`.

        For flows and autoencoders this is the loss of each event, for GANs the images of latents. Inputs are
        float32 `[N, ...]`, images in [0, 1]. For conditional models they are a pair with int32 labels `[N]`,
        or with the float32 condition.
        `latentzoo.export.saved_model` exports everything that a model can do, for TF Serving.

        With `format="litert"` the file uses only LiteRT's built-in operations. A VAE's loss draws random
        numbers, which LiteRT does not support, but `keras.Model(latents, vae.decoder(latents))` can be
        exported.

        Args:
          filepath, format, verbose, input_signature, kwargs: see Keras. `input_signature` may declare images
            as uint8. For a LiteRT runtime that includes TensorFlow operations, pass
            `target_spec={"supported_ops": [...]}`, as for its converter.

        Raises:
          ValueError: an unknown format, or an operation that the format does not support.
        """
        if input_signature is None:
            input_signature = [self._input_signature()]
        if format == "litert":
            with litert.own_operations(self.name, kwargs) as kwargs:
                super().export(filepath, format, verbose, input_signature, **kwargs)
        else:
            super().export(filepath, format, verbose, input_signature, **kwargs)

    def _input_signature(self):
        """Returns the `InputSpec` of the inputs of `call`."""
        name, shape = self._input
        inputs = keras.InputSpec(shape=(None, *shape), dtype="float32", name=name)
        condition = self.condition.input_spec()
        return inputs if condition is None else (inputs, condition)

    @property
    def _input(self) -> tuple[str, tuple[int, ...]]:
        """The name and the shape, without the batch axis, of the input of `call` other than the condition."""
        return self.events.name, self.events.shape

    def serving_signatures(self) -> list[Signature]:
        """Returns the signatures of an exported model, the default first: see `latentzoo.zoo.signatures`.

        Raises:
          ValueError: the model family has none.
        """
        raise ValueError(f"{self.name} is a {type(self).__name__}, which has no signatures for a server.")


def _dtype_policy(dtype):
    """Returns the policy of the networks. A global policy applies only if it keeps weights in float32."""
    policy = keras.dtype_policies.get(dtype)
    if policy.variable_dtype == "float64" and dtype is not None:
        raise ValueError(
            f"dtype is {policy.name!r}, expected 'float32', 'mixed_bfloat16' or 'mixed_float16': "
            "models compute in float32."
        )
    return "float32" if dtype is None and policy.variable_dtype != "float32" else policy
