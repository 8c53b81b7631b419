"""Lazy imports of a package's public names, since importing TensorFlow takes seconds."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def attach(package: str, public: Sequence[str], modules: Mapping[str, str]) -> tuple[Callable, Callable]:
    """Returns `__getattr__` and `__dir__` for a package.

    Args:
      package: the package's `__name__`.
      public: its `__all__`. Names that are not keys of `modules` are submodules.
      modules: maps names in `public` to the submodules that define them.

    >>> __getattr__, __dir__ = attach("latentzoo.zoo", ["flows", "load"], {"load": "saving"})
    >>> __getattr__("load").__module__, __getattr__("flows").__name__, __dir__()
    ('latentzoo.zoo.saving', 'latentzoo.zoo.flows', ['flows', 'load'])
    """

    def get(name):
        if name not in public:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name not in modules:
            return importlib.import_module(f".{name}", package)
        value = getattr(importlib.import_module(f".{modules[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(public)
