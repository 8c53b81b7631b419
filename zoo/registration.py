"""Makes Keras know the classes of this package by name before their modules are imported."""

import contextlib
import importlib
import sys
from collections.abc import Mapping, Sequence

from .import_hook import around_import

PACKAGE = "latentzoo"


def register_with_keras(classes: Mapping[str, Sequence[str]]) -> None:
    """Lets `keras.models.load_model` find `classes`, at once or as soon as Keras is imported.

    Neither Keras nor the modules are imported here. A stand-in for each class takes its place in Keras's
    register until its module is imported, and imports it when something of its name is loaded.

    Args:
      classes: the names that classes have under "latentzoo" in the register, by the module that defines them.
    """

    def register():
        registered = sys.modules["keras"].saving.get_custom_objects()
        for module, names in classes.items():
            for name in names:
                registered.setdefault(f"{PACKAGE}>{name}", _stand_in(name, module))

    @contextlib.contextmanager
    def then_register():
        yield
        register()

    if "keras" in sys.modules:
        register()
    else:
        around_import("keras", then_register)


def _stand_in(name, module):
    def from_config(config):
        defined = [
            value for value in vars(importlib.import_module(module)).values() if isinstance(value, type)
        ]
        names = sys.modules["keras"].saving.get_registered_name
        return next(one for one in defined if names(one) == f"{PACKAGE}>{name}").from_config(config)

    return type(name, (), {"from_config": staticmethod(from_config), "__module__": module})
