"""Writes fashion_mnist_small.npz: the first images of Fashion-MNIST's two splits, with labels.

Run it once, with TensorFlow Datasets' `fashion_mnist` at hand:

    python tests/assets/make_fashion_mnist_small.py
"""

from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

SIZES = {"train": 512, "test": 256}


def main() -> None:
    arrays = {}
    for split, size in SIZES.items():
        examples = list(tfds.as_numpy(tfds.load("fashion_mnist", split=f"{split}[:{size}]")))
        arrays[f"x_{split}"] = np.stack([example["image"][..., 0] for example in examples])
        arrays[f"y_{split}"] = np.array([example["label"] for example in examples], np.uint8)
    np.savez_compressed(Path(__file__).with_name("fashion_mnist_small.npz"), **arrays)


if __name__ == "__main__":
    main()
