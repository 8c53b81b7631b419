"""The standard error of a mean."""

from collections.abc import Sequence

import numpy as np


def standard_error(values: np.ndarray | Sequence[float]) -> float | None:
    """Returns the sample standard deviation (N - 1) of `values` `[N]` over sqrt(N); None for a single value.

    >>> from latentzoo.metrics.standard_errors import standard_error
    >>> standard_error([1.0, 3.0]), standard_error([1.0])
    (1.0, None)
    """
    count = np.size(values)
    return float(np.std(values, ddof=1) / np.sqrt(count)) if count > 1 else None
