"""Old public names, which work for one version more, with a DeprecationWarning."""

import functools
import warnings
from collections.abc import Callable

UNTIL = "0.2"  # the version without them


def warn_of_old_name(old: str, new: str, stacklevel: int = 2) -> None:
    """Warns that `old` is `new` now; `stacklevel` counts from the caller of this function."""
    message = f"{old} is {new} now; the old name goes with version {UNTIL}."
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


def old_arguments(**names: str) -> Callable:
    """Decorates a function so that it takes arguments by their old names too: `old="new"`.

    Raises:
      TypeError: of the decorated function, given both names.

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


def old_name(old: str, new: str) -> property:
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

    return property(get, set_, doc=f"The old name of `{new}`.")
