"""Registers the classes of this package with Keras by name, before their modules are imported."""

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from .import_hook import around_import

PACKAGE = "latentzoo"
ROOT = Path(__file__).parent.parent  # the folder of the packages
FOLDERS = ("trainers", "zoo")

_REGISTERED = re.compile(
    rf'^@keras\.saving\.register_keras_serializable\(package="{PACKAGE}"(?:, name="(\w+)")?\)\nclass (\w+)',
    re.M,
)


def register_with_keras() -> None:
    """Lets `keras.models.load_model` find the classes of this package, now or when Keras is imported.

    This imports neither Keras nor the modules of the classes. Keras's registry holds a placeholder for each
    class until its module is imported; loading an object of that class imports the module.
    """

    def register():
        registered = sys.modules["keras"].saving.get_custom_objects()
        for name, module in registered_classes():
            registered.setdefault(f"{PACKAGE}>{name}", _stand_in(name, module))

    @contextlib.contextmanager
    def then_register():
        yield
        register()

    if "keras" in sys.modules:
        register()
    else:
        around_import("keras", then_register)


def registered_classes() -> Iterator[tuple[str, str]]:
    """Yields the names of classes under "latentzoo" in Keras's registry, and the modules that define them.

    They are read from the sources, where only the decorator names a class.

    >>> dict(registered_classes())["Glow"]
    'latentzoo.zoo.flows.glow'
    """
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join([PACKAGE, *path.relative_to(ROOT).with_suffix("").parts])
            for name, defined in _REGISTERED.findall(path.read_text(encoding="utf-8")):
                yield name or defined, module


def _stand_in(name, module):
    def from_config(config):
        defined = [
            value for value in vars(importlib.import_module(module)).values() if isinstance(value, type)
        ]
        names = sys.modules["keras"].saving.get_registered_name
        return next(one for one in defined if names(one) == f"{PACKAGE}>{name}").from_config(config)

    return type(name, (), {"from_config": staticmethod(from_config), "__module__": module})
