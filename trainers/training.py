"""Training of a model by Keras's `fit`, with what a long run needs around it."""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import keras

from ..data.batches import Data
from ..data.sources import Source, reading
from .callbacks import Preemption
from .finishing import finish
from .loop import begin, loop
from .preparing import prepare
from .settings import TrainingSettings, takes_settings
from .workers import alone_in


@takes_settings(TrainingSettings)
def train(model: keras.Model, dataset: Data | Source, settings: TrainingSettings) -> keras.Model:
    """Trains `model` and leaves a preset folder at `workdir/preset`.

    Call it again with the same `workdir`, after a stop or with more `steps`: training resumes from the newest
    checkpoint. A resumed training ends with the weights of an uninterrupted one, bit for bit where
    TensorFlow's operations are deterministic (`tf.config.experimental.enable_op_determinism`).

    The averaged weights with the best evaluation are kept as the preset folder `workdir/best`. The score is
    the model's usual one: bits_per_dim of a flow, frechet_distance (by the features of SqueezeNet) of a GAN.

    Args:
      model: a model of `latentzoo.zoo`, with or without weights to start from. Under several
        replicas a copy is trained and its weights are copied back.
      dataset: images [H, W, C] (uint8, or float32 in [0, 1]) or vectors [D], or (image, label) pairs:
        a source (`data.loading.source`), an unbatched, finite `tf.data.Dataset`, or arrays. A source
        that names its classes, as a `tf.data.Dataset` may by an attribute `class_names`, gets the numbers of
        a conditional model's classes (see `data.class_numbers.numbered_as`), and the names go into the
        preset; a GAN that has no classes warns of them.
      {settings}

    Returns:
      `model`, with the averaged weights.

    Raises:
      ValueError: a setting out of its range, an empty dataset, a batch larger than the dataset, a
        workdir of another training, where another process trains, or with damaged files, or a gradient
        that is not finite.
      SystemExit: with code 0, after SIGTERM: the step is finished and a checkpoint written.
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
        alone_in(settings.workdir, prepared.strategy),
        reading(prepared.dataset, prepared.eval_dataset),
    ):
        run = begin(prepared)
        preemption.checkpoints = run.checkpoints
        loop(run, preemption)
        finish(run)
    return model
