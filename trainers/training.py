"""Trains a model with Keras's `fit`: checkpoints, evaluation, resumption and the finished preset."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import keras

from ..data.batches import Data
from ..data.sources import Source, reading
from .callbacks import Preemption
from .finishing import finish
from .loop import begin, loop
from .preparing import prepare
from .settings import TrainingSettings, takes_settings
from .workers import exclusive_workdir


@takes_settings(TrainingSettings)
def train(model: keras.Model, dataset: Data | Source, settings: TrainingSettings) -> keras.Model:
    """Trains `model` and writes a preset folder to `workdir/preset`.

    Training is resumable: call it again with the same `workdir`, after an interruption or with more `steps`,
    and it continues from the newest checkpoint. A resumed run ends with the same weights as an uninterrupted
    one, bit for bit if TensorFlow's operations are deterministic
    (`tf.config.experimental.enable_op_determinism`).

    The averaged weights with the best evaluation are saved as the preset folder `workdir/best`. The score is
    the model's default metric: bits_per_dim for flows, frechet_distance (SqueezeNet features) for GANs.

    Args:
      model: a model of `latentzoo.zoo`, new or pretrained. With several replicas, a copy is trained and its
        weights are copied back.
      dataset: images [H, W, C] (uint8, or float32 in [0, 1]) or vectors [D], or (image, label) pairs:
        a source (`data.loading.source`), an unbatched, finite `tf.data.Dataset`, or arrays. If it has class
        names (a `tf.data.Dataset` may have an attribute `class_names`), its labels are renumbered to match
        the classes of a conditional model (see `data.class_numbers.numbered_as`), and the names are stored
        in the preset; an unconditional GAN warns about them.
      {settings}

    Returns:
      `model`, with the averaged weights.

    Raises:
      ValueError: a setting is out of range, the dataset is empty or smaller than a batch, the workdir
        belongs to a different training run, is in use by another process or has damaged files, or a
        gradient is not finite.
      SystemExit: with code 0, after SIGTERM, once the step is finished and a checkpoint is written.
      OSError: the workdir cannot be written, or an image cannot be read.

    >>> import tempfile
    >>> import numpy as np
    >>> from latentzoo.trainers import train
    >>> from latentzoo.zoo.flows import Glow
    >>> images = np.random.default_rng(0).integers(0, 256, [64, 4, 4, 1], np.uint8)
    >>> model = Glow(image_shape=(4, 4, 1), levels=1, depth=1, width=8)
    >>> with tempfile.TemporaryDirectory() as workdir:
    ...     model = train(model, images, workdir=workdir, steps=2, verbose=0)
    >>> model.sample(3).shape
    TensorShape([3, 4, 4, 1])
    """
    prepared = prepare(model, dataset, settings)
    with (
        Preemption(prepared.is_chief) as preemption,
        exclusive_workdir(settings.workdir, prepared.strategy),
        reading(prepared.dataset, prepared.eval_dataset),
    ):
        run = begin(prepared)
        preemption.checkpoints = run.checkpoints
        loop(run, preemption)
        finish(run)
    return model
