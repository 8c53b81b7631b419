"""config.json of a preset: the name of a class of this zoo and its arguments."""

import importlib
import math
import threading
from collections.abc import Collection
from typing import Any

import keras

from .json_files import shown
from .outline import LAYER_COUNTS

# Where the classes that a config may name are registered.
FAMILIES = ("flows", "gans", "vaes")

# Arguments that an axis of a weight is as long as.
_LENGTHS = ("event_shape", "width", "num_classes", "latent_dim", "flow_width", "components", "w_dim")

# What even a model that does not use them may have as such arguments, and as weights.
_SHORT, _FEW_LAYERS, _FEW = 1024, 64, 2**18


def of(model: keras.Model) -> dict[str, Any]:
    """What config.json holds of a model."""
    name = keras.saving.serialize_keras_object(model)["registered_name"]
    return {"registered_name": name, "config": model.get_config()}


def build(name: str, config: dict[str, Any], shapes: Collection[tuple[int, ...]]) -> keras.Model:
    """The model of a config.json, which may not ask for many more weights than lie beside it.

    Args:
      name: the registered name of its class.
      config: its arguments.
      shapes: of the weights.

    Raises:
      ValueError: it names no model of this zoo, has arguments that make none, or asks for many more weights;
        nothing of their size is allocated.
    """
    for family in FAMILIES:
        importlib.import_module(f".{family}", package=__package__)
    model_class = keras.saving.get_registered_object(name)
    if not (isinstance(model_class, type) and issubclass(model_class, keras.Model)):
        raise ValueError(f"names the class {shown(name)}, expected a model of this zoo.")
    _check_sizes(config, shapes)
    _check_dtype(config)
    try:
        asked, held = _count_weights(model_class, config), sum(map(math.prod, shapes))
        if asked > 2 * held + _FEW:  # of few, the first that is missing is named later
            raise ValueError(f"it has {asked} weights, and the file beside it {held}.")
        return model_class.from_config(config)
    except Exception as error:  # of any type: the values in a damaged file are anything
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"makes no {name}: {text[:200]}") from error


def _check_sizes(config, shapes):
    """Loops and tables in constructors are as large as these, so they are looked at first."""
    axes = {size for shape in shapes for size in shape}
    limits = {
        **dict.fromkeys(_LENGTHS, max({_SHORT} | axes)),
        **dict.fromkeys(LAYER_COUNTS, max(_FEW_LAYERS, len(shapes))),
        "image_shape": max(_SHORT, sum(map(math.prod, shapes))),
    }
    for key, limit in limits.items():
        value = config.get(key)
        for size in value if isinstance(value, list) else [value]:
            # The weights of many layers may be one, stacked along an axis.
            if isinstance(size, int) and size > limit and not (key in LAYER_COUNTS and size in axes):
                raise ValueError(f"has the {key} {shown(value)}, more than the weights beside it have.")


def _check_dtype(config):
    """Keras would import whatever module a serialized object names."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and (dtype.get("module"), dtype.get("class_name")) != ("keras", "DTypePolicy"):
        raise ValueError(f"has the dtype {str(dtype)[:200]}, expected a name or a keras.DTypePolicy.")


def _count_weights(model_class, config):
    """How many numbers the weights have: the model is built without them.

    In a thread of its own, because Keras notes variables without a value in a list of the thread, to give
    them one later.
    """
    found: list[Any] = []

    def count():
        try:
            with keras.StatelessScope(initialize_variables=False):
                weights = model_class.from_config(config).weights
            found.append(sum(math.prod(weight.shape) for weight in weights))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]
