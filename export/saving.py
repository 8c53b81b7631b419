"""A model as a SavedModel that TF Serving, or any TensorFlow, runs without Keras and without this package."""

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
    """Writes `<base_path>/<version>`, a SavedModel with a signature for each ability of the model.

    A flow has `sample`, `log_prob`, `encode`, `decode` and `reconstruct`, as its `serving_signatures`
    say, with uint8 images; beside each that has to do with images there is its twin on encoded ones
    (`sample_to_png`, `log_prob_from_png`, ...). `serving_default` is the first. A row's answer depends on
    that row alone, whatever batch it rides in. Requests to warm a server up are inside.

    The version is there whole or not at all, since a server watches the folder.

    Args:
      model: as it is now; later training does not change the export.
      base_path: the folder of the model's versions; made if missing.
      version: a positive integer; by default the next one.
      overwrite: whether a version that is there is replaced. A running server does not notice.
      batch_sizes: of the warm-up requests: those that the server is set to (`server_files`).

    Returns:
      The folder of the version.

    Raises:
      ValueError: not a model of the zoo, or a version below 1.
      FileExistsError: the version is there.
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
    # Hidden, so no version to a server; another export may take the number in the meantime.
    scratch = folders.scratch_beside(base_path / str(version or next_version(base_path)))
    try:
        signatures = _write(model, scratch)
        warmup.write_requests(scratch, base_path.resolve().name, signatures, batch_sizes)
        with locked(base_path):  # two exports at once would find the same version free
            version = next_version(base_path) if version is None else version
            _check_free(base_path, version, overwrite)
            folders.put_in_place(scratch, base_path / str(version))
    finally:
        folders.discard(scratch)
    return base_path / str(version)


def _check_free(base_path, version, overwrite):
    if (base_path / str(version)).exists() and not overwrite:
        raise FileExistsError(
            f"version {version} is in '{base_path}' already, expected another or overwrite."
        )


def _write(model, folder):
    """Saves the model's signatures to `folder`, and returns them."""
    copy = fresh_copy(model)
    compiled = compile_signatures(copy.serving_signatures())
    module = tf.Module()
    module.weights = [weight.value for weight in copy.weights]
    concrete = {}
    for name, (_, function) in compiled.items():
        concrete[name] = function.get_concrete_function()
        setattr(module, name, concrete[name])
    concrete["serving_default"] = next(iter(concrete.values()))
    # Nobody trains an export: gradients would only make it larger.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=concrete, options=options)
    shorten_names(folder)
    return [signature for signature, _ in compiled.values()]
