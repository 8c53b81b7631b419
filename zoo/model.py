"""The base class of every model of the zoo: images in, presets out, plain Keras in between."""

from . import keras_backend  # noqa: F401  # isort: skip
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

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
    """What all families share.

    A subclass is built by its constructor, from plain JSON-able arguments, which it keeps in attributes
    of the same names: its configuration is read from them. It names its `family` and sets `events` and, if
    it is not of class labels, `condition`. It computes its per-example loss in `call`; `compute_loss` takes
    the mean of them, with the weights and the replicas of `fit`. `fit` takes batches of images, of (images,
    labels), or of (images, labels, sample_weight); an unconditional model ignores the labels, and one that is
    conditioned on an image takes it in their place.

    Bijector arithmetic stays in float32 under every dtype policy: the model does not cast its inputs,
    the networks inside follow the policy. Weights are float32 whatever Keras's floatx, image data format and
    global policy are; a global mixed policy is followed.

    What a model can do, it declares by class attributes, literals as far as possible, which the command reads
    from the sources; metrics and commands ask these, never for a class or a family. A property may take the
    place of one, where it depends on the model's arguments.

    Attributes:
      events: what the model is about, images or vectors.
      condition: what it is conditioned on: nothing, class labels, or an image.
      scores: the metrics of examples that the model is scored by (`latentzoo.metrics`), the usual one first;
        of these, those apply that fit its events.
      likelihood_kind: what its likelihoods are: "exact"; "bound", a lower one (the ELBO); None: it has none.
      sampling_options: those that `sample` has beside seed and labels, such as "temperature"; None: it
        does not sample.
      prior: what the latents of samples are drawn from, "normal" if it is standard normal; None:
        nothing.
      has_styles: whether it maps latents to styles (`mapping`), and makes images of these (`synthesis`).
      pixel_rounding: how its images become bytes: "bin", the one of 256 bins of [0, 1] in which a value lies,
        or "nearest", the nearest of the values k / 255.
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
        """Whether its events are images."""
        return self.events.name == "images"

    @property
    def draws_images(self) -> bool:
        """Whether `sample` gives images."""
        return self.sampling_options is not None and self.has_images

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(H, W, C) of images, (D,) of vectors."""
        return self.events.shape

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the labels 0, 1, ... stand for; empty if it is not known.

        `save_to_preset` keeps the names, and `zoo.load` brings them back; a `.keras` file has no place for
        them.

        Raises:
          ValueError: set to other than `num_classes` different texts, or none.
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
        """Whether data-dependent initialization has been done, in this life or before saving."""
        return bool(keras.ops.convert_to_numpy(self._initialized))

    def initialize(self, images, labels=None, condition=None) -> None:
        """Sets the weights that depend on data (actnorm) from one batch. A second call does nothing.

        Args:
          images: a batch as `fit` takes it; some tens of images at least.
          labels: int `[N]` of a class-conditional model.
          condition: of a model that is conditioned on something else.

        Raises:
          ValueError: images, labels or condition of a wrong kind.
        """
        images, condition = self._check_events(images, labels, condition)
        self._warn_if_quantized(images, "fit")
        if not self.initialized:
            self._initialize(images, condition)
            self._initialized.assign(True)

    def _initialize(self, images, condition):
        """Nothing depends on data, unless a subclass says so."""

    def _check_events(self, events, labels=None, condition=None) -> tuple[tf.Tensor, tf.Tensor | None]:
        """A batch of the model's own kind and its condition as tensors, or ValueError."""
        events = self.events.check(events)
        return events, self._check_condition(events.shape[0], labels, condition)

    def _check_condition(self, count: int, labels=None, condition=None) -> tf.Tensor | None:
        """The condition of `count` events as one tensor, None of an unconditional model."""
        return self.condition.check(count, self.name, labels, condition)

    def _check_labels(self, labels, n: int) -> tf.Tensor | None:
        """int32 `[n]`, or None for an unconditional model."""
        return self._check_condition(n, labels)

    @property
    def micro_batches(self) -> int:
        """In how many micro-batches `fit` accumulates the gradient of a batch, 1 at first. Set it before.

        The gradient is that of the whole batch, in the memory of one micro-batch.

        Raises:
          ValueError: set below 1, or above 1 for a model that needs the whole batch, as batch normalization
            does.
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
        """In how many micro-batches, side by side, a flow computes the losses of a batch. 1 at first.

        They run on the threads of a processor, which beats several threads in every operation: set
        TensorFlow's intra-op threads to the processors divided by the micro-batches
        (`trainers.strategies.share_threads`). The loss and its gradient are the same; tracing takes as
        many times as long. Of no use on a GPU. Set it before `fit`.

        Raises:
          ValueError: set below 1, or above 1 for a model that is no flow, or needs the whole batch.
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
        """The constructor's arguments, with `name` and `dtype`, as JSON can hold them."""
        dtype = keras.dtype_policies.serialize(self.dtype_policy)
        return {**constructor_arguments(self), "name": self.name, "dtype": dtype}

    def save(self, filepath, overwrite: bool = True, zipped: bool | None = None, **kwargs) -> None:
        """Keras's `save`. A `.keras` file that is there stays whole until the new one takes its place."""
        if weights_file.is_written_here(filepath, ".keras", overwrite) and zipped is not False and not kwargs:
            weights_file.write_archive(self, filepath)
        else:
            super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath, overwrite: bool = True, max_shard_size=None) -> None:
        """Keras's `save_weights`. A file that is there stays whole until the new one takes its place."""
        if weights_file.is_written_here(filepath, ".weights.h5", overwrite) and max_shard_size is None:
            weights_file.write(self, filepath)
        else:
            super().save_weights(filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_own_variables(self, store) -> None:
        """Keras's hook as it reads a file. Other weights in the file than the model's are an error."""
        super().load_own_variables(store)
        weights_file.check_store(self, store)

    def save_to_preset(self, folder, metadata: dict | None = None) -> None:
        """Writes the preset folder that `zoo.load` takes: config, weights and metadata with checksums.

        Args:
          folder: made if missing. A preset that is there is replaced whole.
          metadata: more entries of metadata.json, such as `name`, `dataset`, `license`, `metrics`; the
            names of the classes are among them as `classes`.

        Raises:
          ValueError: a weight is not finite; `load` would refuse it.
          OSError: the folder cannot be written.
        """
        saving.save_to_preset(self, folder, metadata)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs) -> None:
        """Keras's `export`: the model as a file whose one endpoint, `serve`, is `model(inputs)`.

        That is the loss of each event for flows and autoencoders, and images of latents for GANs. Inputs are
        float32 `[N, ...]`, images in [0, 1]; of a conditional model they are a pair with int32 labels `[N]`,
        or with the float32 condition.
        `latentzoo.export.saved_model` writes all that a model can do, for TF Serving.

        With `format="litert"` the file needs nothing but LiteRT's own operations. A VAE's loss draws random
        numbers, which LiteRT cannot, but `keras.Model(latents, vae.decoder(latents))` can be exported.

        Args:
          filepath, format, verbose, input_signature, kwargs: as Keras's. `input_signature` may have the
            images as uint8. For a LiteRT runtime with TensorFlow's operations beside its own:
            `target_spec={"supported_ops": [...]}`, as its converter has it.

        Raises:
          ValueError: an unknown format, or an operation of the model that the format does not have.
        """
        if input_signature is None:
            input_signature = [self._input_signature()]
        if format == "litert":
            with litert.own_operations(self.name, kwargs) as kwargs:
                super().export(filepath, format, verbose, input_signature, **kwargs)
        else:
            super().export(filepath, format, verbose, input_signature, **kwargs)

    def _input_signature(self):
        """The specification of what `call` takes."""
        name, shape = self._input
        inputs = keras.InputSpec(shape=(None, *shape), dtype="float32", name=name)
        condition = self.condition.input_spec()
        return inputs if condition is None else (inputs, condition)

    @property
    def _input(self) -> tuple[str, tuple[int, ...]]:
        """The name of what `call` takes beside the condition, and the shape of one of them."""
        return self.events.name, self.events.shape

    def serving_signatures(self) -> list[Signature]:
        """What an export of the model offers a server, the default first: see `latentzoo.zoo.signatures`.

        Raises:
          ValueError: the family has none.
        """
        raise ValueError(f"{self.name} is a {type(self).__name__}, which has no signatures for a server.")


def _dtype_policy(dtype):
    """The policy of the networks; a global one counts only if it leaves weights in float32."""
    policy = keras.dtype_policies.get(dtype)
    if policy.variable_dtype == "float64" and dtype is not None:
        raise ValueError(
            f"dtype is {policy.name!r}, expected 'float32', 'mixed_bfloat16' or 'mixed_float16': "
            "models compute in float32."
        )
    return "float32" if dtype is None and policy.variable_dtype != "float32" else policy
