"""Features of real images on disk, for the next evaluation.

They lie in the folder `latentzoo/features` of the user's cache (`$XDG_CACHE_HOME` or ~/.cache), or in
`$LATENTZOO_CACHE/features`. A file is named by a fingerprint of all that the features depend on, the pixels
included, so it is never out of date; it may be deleted at any time.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..zoo import folders


def cache_folder() -> Path:
    """Where the features are."""
    if own := os.environ.get("LATENTZOO_CACHE"):
        return Path(own) / "features"
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(users) / "latentzoo" / "features"


def fingerprint(record: dict, images: Iterable[np.ndarray]) -> str:
    """A sha256 of the record and of the pixels, however they are batched.

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
    """The features of this fingerprint from disk, or computed and put there.

    A file that cannot be read is computed anew; where nothing can be written, a warning says so.
    """
    path = cache_folder() / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["features"]
    except Exception:  # of many types, where a file was cut or damaged
        features = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with folders.replacing(path) as scratch, open(scratch, "wb") as file:
            np.savez(file, features=features)
    except OSError as error:
        warnings.warn(f"features cannot be cached in '{path.parent}': {error.strerror}.", stacklevel=2)
    return features
