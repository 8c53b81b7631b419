"""A cache on disk of the features of real images.

It is the folder `latentzoo/features` in the user's cache (`$XDG_CACHE_HOME` or ~/.cache), or
`$LATENTZOO_CACHE/features`. Each file is named by a fingerprint of everything the features depend on,
pixels included, so it is never out of date. Files may be deleted at any time.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..zoo import folders


def cache_folder() -> Path:
    """Returns the folder of the cached features."""
    if own := os.environ.get("LATENTZOO_CACHE"):
        return Path(own) / "features"
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(users) / "latentzoo" / "features"


def fingerprint(record: dict[str, Any], images: Iterable[np.ndarray]) -> str:
    """Returns a sha256 of `record` and of the pixels, whatever the batch size.

    >>> import numpy as np
    >>> from latentzoo.metrics.feature_cache import fingerprint
    >>> pixels = np.zeros([4, 2, 2, 1], np.uint8)
    >>> fingerprint({}, [pixels]) == fingerprint({}, [pixels[:1], pixels[1:]])
    True
    """
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    shape = None
    for batch in images:
        if shape is None:
            shape = batch.shape[1:]
            digest.update(str((shape, batch.dtype.name)).encode())
        digest.update(np.ascontiguousarray(batch).data)
    return digest.hexdigest()


def cached_features(name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Returns the features cached under `name`, or computes and caches them.

    Features in an unreadable file are computed again. Warns if the cache cannot be written.
    """
    path = cache_folder() / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["features"]
    except Exception:  # a truncated or damaged file raises many types
        features = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with folders.replacing(path) as scratch, open(scratch, "wb") as file:
            np.savez(file, features=features)
    except OSError as error:
        warnings.warn(f"features cannot be cached in '{path.parent}': {error.strerror}.", stacklevel=2)
    return features
