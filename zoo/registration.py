"""Makes Keras know the classes of this package by name before their modules are imported."""

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder

PACKAGE = "latentzoo"


def register_with_keras(classes: Mapping[str, Sequence[str]]) -> None:
    """Lets `keras.models.load_model` find `classes`, at once or as soon as Keras is imported.

    Neither Keras nor the modules are imported here. A stand-in for each class takes its place in Keras's
    register until its module is imported, and imports it when something of its name is loaded.

    Args:
      classes: the names of classes registered under "latentzoo", by the module that defines them.
    """

    def register():
        registered = sys.modules["keras"].saving.get_custom_objects()
        for module, names in classes.items():
            for name in names:
                registered.setdefault(f"{PACKAGE}>{name}", _stand_in(name, module))

    if "keras" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _AfterImport("keras", register))


def _stand_in(name, module):
    def from_config(config):
        return getattr(importlib.import_module(module), name).from_config(config)

    return type(name, (), {"from_config": staticmethod(from_config), "__module__": module})


class _AfterImport(MetaPathFinder):
    """Calls `action` once the module `name` has been imported, by whomever.

    Python has no hook for that, so this finds the module as the other finders do, and adds to its loader.
    """

    def __init__(self, name, action):
        self._name, self._action = name, action

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_then_act(module):
                execute(module)
                sys.meta_path.remove(self)
                self._action()

            spec.loader.exec_module = execute_then_act
        return spec
