"""Runs code around the import of a module, regardless of who imports it; Python has no such hook."""

import importlib.util
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.abc import MetaPathFinder


def around_import(name: str, context: Callable[[], AbstractContextManager]) -> None:
    """Enters `context()` while the module `name` is executed.

    Args:
      name: a module that is not imported yet.
      context: its value is not used. An import that fails raises its error inside the context.
    """
    sys.meta_path.insert(0, _Finder(name, context))


class _Finder(MetaPathFinder):
    """Finds one module with the other finders, and wraps its loader."""

    def __init__(self, name, context):
        self._name, self._context = name, context

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and (loader := spec.loader):
            execute = loader.exec_module

            def execute_in_context(module):
                with self._context():
                    execute(module)
                sys.meta_path.remove(self)

            loader.exec_module = execute_in_context
        return spec
