"""Saves a model as a SavedModel that TF Serving, or any TensorFlow, runs without Keras or this package."""

import os
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from ..zoo import folders
from ..zoo.checks import check_count
from ..zoo.locks import locked
from ..zoo.model import ZooModel
from ..zoo.saving import fresh_copy
from . import warmup
from .compact import shorten_names
from .functions import compile_signatures
from .server_files import BATCH_SIZES
from .versions import next_version


def saved_model(
    model: ZooModel,
    base_path: str | os.PathLike,
    version: int | None = None,
    overwrite: bool = False,
    batch_sizes: Sequence[int] = BATCH_SIZES,
) -> Path:
    """Writes `<base_path>/<version>`, a SavedModel with the model's `serving_signatures`.

    A flow has `sample`, `log_prob`, `bits_per_dim`, `encode`, `decode` and `reconstruct`, with uint8 images.
    Each signature with images has a twin on encoded images (`sample_to_png`, `log_prob_from_png`, ...).
    `serving_default` is the first signature. Each row's answer depends on that row alone, not on the rest
    of its batch. The SavedModel contains warm-up requests.

    The version appears complete or not at all, since a server watches the folder.

    Args:
      model: a model of the zoo, exported with its current weights.
      base_path: the folder of the model's versions; created if missing.
      version: a positive integer; by default the next one.
      overwrite: whether to replace an existing version. A running server does not notice.
      batch_sizes: the batch sizes of the warm-up requests: the allowed batch sizes of the server
        (`server_files`).

    Returns:
      The folder of the version.

    Raises:
      ValueError: `model` is not a model of the zoo, or `version` is below 1.
      FileExistsError: the version exists.
      OSError: the folder cannot be written.

    >>> import tensorflow as tf
    >>> from latentzoo import export
    >>> from latentzoo.zoo.flows import RealNVP
    >>> path = export.saved_model(RealNVP(event_shape=(2,), depth=2, width=8), "models/moons")
    >>> str(path)
    'models/moons/1'
    >>> sample = tf.saved_model.load(path).signatures["sample"]
    >>> sample(seed=tf.constant([[0, 0], [0, 1]]), temperature=tf.ones([2]))["vectors"].shape
    TensorShape([2, 2])
    """
    if not isinstance(model, ZooModel):
        raise ValueError(f"model is of type {type(model).__name__}, expected a model of latentzoo.zoo.")
    base_path = Path(base_path)
    if version is not None:
        version = check_count("version", version, 1)
        _check_free(base_path, version, overwrite)
    # The name is hidden, so a server ignores it. Another export may take the number in the meantime.
    scratch = folders.scratch_beside(base_path / str(version or next_version(base_path)))
    try:
        signatures = _write(model, scratch)
        warmup.write_requests(scratch, base_path.resolve().name, signatures, batch_sizes)
        with locked(base_path):  # concurrent exports would find the same version free
            version = next_version(base_path) if version is None else version
            _check_free(base_path, version, overwrite)
            folders.put_in_place(scratch, base_path / str(version))
    finally:
        folders.discard(scratch)
    return base_path / str(version)


def _check_free(base_path, version, overwrite):
    if (base_path / str(version)).exists() and not overwrite:
        raise FileExistsError(
            f"version {version} exists in '{base_path}', expected another version or overwrite=True."
        )


def _write(model, folder):
    """Saves the model's signatures to `folder` and returns them, with their twins."""
    copy = fresh_copy(model)
    compiled = compile_signatures(copy.serving_signatures())
    module = tf.Module()
    module.weights = [weight.value for weight in copy.weights]
    concrete = {}
    for name, (_, function) in compiled.items():
        concrete[name] = function.get_concrete_function()
        setattr(module, name, concrete[name])
    concrete["serving_default"] = next(iter(concrete.values()))
    # An export is not trained: gradients would only make it larger.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=concrete, options=options)
    shorten_names(folder)
    return [signature for signature, _ in compiled.values()]
