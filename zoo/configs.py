"""The config.json of a preset: the name of a class of this zoo, and its arguments."""

import importlib
import math
import threading
from collections.abc import Collection
from typing import Any

import keras

from .json_files import shown
from .outline import LAYER_COUNTS

# The packages that register the classes that a config may name.
FAMILIES = ("flows", "gans", "vaes")

# Arguments that are the length of an axis of some weight.
_LENGTHS = ("event_shape", "width", "num_classes", "latent_dim", "flow_width", "components", "w_dim")

# Limits that always apply, for models whose weights do not depend on these arguments.
_SHORT, _FEW_LAYERS, _FEW = 1024, 64, 2**18


def of(model: keras.Model) -> dict[str, Any]:
    """Returns the content of config.json for a model."""
    name = keras.saving.serialize_keras_object(model)["registered_name"]
    return {"registered_name": name, "config": model.get_config()}


def build(name: str, config: dict[str, Any], shapes: Collection[tuple[int, ...]]) -> keras.Model:
    """Builds the model of a config.json, unless it needs many more weights than the preset contains.

    Args:
      name: the registered name of the class.
      config: its arguments.
      shapes: the shapes of the weights in the preset.

    Raises:
      ValueError: the class is not a model of this zoo, its arguments are invalid, or it needs many more
        weights; these are not allocated.
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
        if asked > 2 * held + _FEW:  # for small models, the first missing weight is reported later
            raise ValueError(f"it has {asked} weights, and the file beside it {held}.")
        return model_class.from_config(config)
    except Exception as error:  # of any type, since a damaged file may hold any values
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"makes no {name}: {text[:200]}") from error


def _check_sizes(config, shapes):
    """Checks the arguments that determine the size of loops and tables in constructors."""
    axes = {size for shape in shapes for size in shape}
    limits = {
        **dict.fromkeys(_LENGTHS, max({_SHORT} | axes)),
        **dict.fromkeys(LAYER_COUNTS, max(_FEW_LAYERS, len(shapes))),
        "image_shape": max(_SHORT, sum(map(math.prod, shapes))),
    }
    for key, limit in limits.items():
        value = config.get(key)
        for size in value if isinstance(value, list) else [value]:
            # The weights of many layers may be stacked along an axis of one weight.
            if isinstance(size, int) and size > limit and not (key in LAYER_COUNTS and size in axes):
                raise ValueError(f"has the {key} {shown(value)}, more than the weights beside it have.")


def _check_dtype(config):
    """Rejects other objects, since Keras would import any module that a serialized object names."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and (dtype.get("module"), dtype.get("class_name")) != ("keras", "DTypePolicy"):
        raise ValueError(f"has the dtype {str(dtype)[:200]}, expected a name or a keras.DTypePolicy.")


def _count_weights(model_class, config):
    """Returns the total size of the weights, by building the model without allocating them.

    This runs in a separate thread, because Keras records uninitialized variables in a thread-local list, to
    initialize them later.
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
