"""Deprecated public names, which work for one more version, with a DeprecationWarning."""

import functools
import importlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

UNTIL = "0.2"  # the version that removes them


def warn_of_old_name(old: str, new: str, stacklevel: int = 2) -> None:
    """Warns that `old` is `new` now; `stacklevel` counts from the caller of this function."""
    message = f"{old} is {new} now; the old name goes with version {UNTIL}."
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


def new_value(argument: str, value: Any, old_values: Mapping[str, str]) -> Any:
    """Returns the new name of a deprecated argument value, with a warning; other values are unchanged.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     print(new_value("preprocess", "centre", {"centre": "center"}), seen[0].message)
    center preprocess="centre" is preprocess="center" now; the old name goes with version 0.2.
    """
    if not isinstance(value, str) or value not in old_values:
        return value
    new = old_values[value]
    warn_of_old_name(f'{argument}="{value}"', f'{argument}="{new}"', stacklevel=3)
    return new


def old_arguments(**names: str) -> Callable:
    """Decorates a function so that it also accepts arguments by their old names: `old="new"`.

    Raises:
      TypeError: when the decorated function is called with both names.

    >>> @old_arguments(n="num_samples")
    ... def sample(num_samples):
    ...     return num_samples
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     print(sample(n=3), seen[0].message)
    3 n is num_samples now; the old name goes with version 0.2.
    """

    def decorate(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            for old, new in names.items():
                if old in kwargs:
                    if new in kwargs:
                        raise TypeError(f"{old} and {new} were given, expected {new} alone.")
                    warn_of_old_name(old, new)
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def old_module(old: str, *modules: ModuleType) -> Callable[[str], object]:
    """Returns the `__getattr__` of a module whose classes and functions have moved to other modules."""

    def get(name):
        for module in modules:
            value = vars(module).get(name)
            if getattr(value, "__module__", None) == module.__name__:
                warn_of_old_name(f"{old}.{name}", f"{module.__name__}.{name}")
                return value
        raise AttributeError(f"module {old!r} has no attribute {name!r}")

    return get


def moved_module(old: str, new: str) -> Callable[[str], object]:
    """Returns the `__getattr__` of a module at an old place, which imports the new one when it is used.

    >>> import warnings
    >>> get = moved_module("latentzoo.trainers.data", "latentzoo.data.loading")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     get("load").__module__
    'latentzoo.data.loading'
    """

    def get(name):
        if name.startswith("__"):  # Python itself asks for these
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(new), name)
        warn_of_old_name(old, new)
        return value

    return get


class OldName(property):
    """An attribute or a method of a class by its old name: see `old_name`."""


def old_name(old: str, new: str) -> OldName:
    """An attribute or a method of a class by its old name.

    >>> class Model:
    ...     latent_dim = 8
    ...     latent_size = old_name("latent_size", "latent_dim")
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     print(Model().latent_size, seen[0].message)
    8 latent_size is latent_dim now; the old name goes with version 0.2.
    """

    def get(owner):
        warn_of_old_name(old, new)
        return getattr(owner, new)

    def set_(owner, value):
        warn_of_old_name(old, new)
        setattr(owner, new, value)

    return OldName(get, set_, doc=f"The old name of `{new}`.")


def without_old_names(owner_class: type, names: Iterable[str]) -> list[str]:
    """Removes the old names of a class from `names`, for use in its `__dir__`.

    Keras reads every name in `dir(model)` when it saves a model, and each old name would warn.
    """
    return [name for name in names if not isinstance(getattr(owner_class, name, None), OldName)]


class FormerMethod:
    """A string attribute whose name was that of a method: calling it still calls the renamed method.

    >>> class Model:
    ...     prior = FormerMethod("prior_distribution")
    ...     def __init__(self):
    ...         self.prior = "normal"
    ...     def prior_distribution(self):
    ...         return "N(0, I)"
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     print(Model().prior, Model().prior(), seen[0].message)
    normal N(0, I) prior() is prior_distribution() now; the old name goes with version 0.2.
    """

    def __init__(self, new: str):
        self._new = new

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, owner, owner_class=None):
        if owner is None:
            return self
        if self._name not in vars(owner):
            raise AttributeError(f"{type(owner).__name__} has no {self._name} yet.")
        text = _CallableText(vars(owner)[self._name])
        text.names, text.method = (self._name, self._new), getattr(owner, self._new)
        return text

    def __set__(self, owner, value):
        vars(owner)[self._name] = value


class _CallableText(str):
    names: tuple[str, str]
    method: Callable

    def __call__(self, *args, **kwargs):
        old, new = self.names
        warn_of_old_name(f"{old}()", f"{new}()")
        return self.method(*args, **kwargs)
