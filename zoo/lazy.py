"""Names of a package that are imported when they are first used: TensorFlow takes seconds."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def attach(package: str, public: Sequence[str], modules: Mapping[str, str]) -> tuple[Callable, Callable]:
    """`__getattr__` and `__dir__` of a package.

    Args:
      package: its `__name__`.
      public: its `__all__`. A name that neither the package nor `modules` has is a submodule.
      modules: the submodules that define names of `public`.

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
