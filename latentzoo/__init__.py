"""Generative models with latent spaces in TensorFlow and Keras 3, with pretrained weights.

    from latentzoo import zoo
    model = zoo.load("glow-fashion-mnist")
    images = model.sample(16, seed=0)

`zoo` holds the models, `bijectors` the invertible maps they are made of; `data` reads what they learn from;
`trainers`, `metrics` and `export` train, score and serve them. Importing `latentzoo` is quick: it does not
import TensorFlow. It is all that `keras.models.load_model` needs to load what `model.save("mine.keras")`
wrote.
"""

import os
from typing import TYPE_CHECKING

# No log of TensorFlow's own, unless the user asked for it: without a GPU even its errors are noise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# In a checkout the subpackages lie beside this folder, and Python may find it by the working directory.
if not os.path.isdir(os.path.join(__path__[0], "zoo")):
    __path__.append(os.path.dirname(__path__[0]))

from .zoo import tensorflow_log  # noqa: E402
from .zoo.lazy import attach  # noqa: E402
from .zoo.registration import register_with_keras  # noqa: E402

if TYPE_CHECKING:
    from . import bijectors, data, export, metrics, trainers, zoo

__version__ = "0.1.0"
__all__ = ["__version__", "bijectors", "data", "export", "metrics", "trainers", "zoo"]

register_with_keras()
tensorflow_log.quiet_import()

__getattr__, __dir__ = attach(__name__, __all__, {})
