"""Measures the effect of style mixing and noise in StyleGAN, as in tables 1 to 3 of Karras et al. (2019).

Train the same recipe with and without them, then compare the presets:

    latentzoo train recipe.json --workdir runs/both
    latentzoo train recipe.json --workdir runs/no-mixing --set mixing_probability=0
    latentzoo train recipe.json --workdir runs/no-noise --set use_noise=false
    python benchmarks/style_regularization.py runs/both/preset runs/no-mixing/preset runs/no-noise/preset

Prints a row per preset: the Fréchet distance of samples whose styles come from 1 to 4 latents z, and the
perceptual path length in W. All rows use the same seeds and the same real images.
"""

import argparse
import contextlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf
from reports import markdown_table

from latentzoo import zoo
from latentzoo.data import source
from latentzoo.data.sources import in_order
from latentzoo.metrics import METRICS, compare_samples, evaluate
from latentzoo.zoo import seeds
from latentzoo.zoo.conditions import Unconditional


class Mixed:
    """A StyleGAN whose samples mix the styles of several latents (section 3.1).

    Args:
      model: an unconditional StyleGAN.
      num_latents: per sample; the layers at which they switch are random.
    """

    num_classes, condition = 0, Unconditional()
    has_images = True
    sampling_options = ()
    pixel_rounding = "nearest"

    def __init__(self, model: keras.Model, num_latents: int):
        self.event_shape = model.event_shape
        self._model = model
        self._num_latents = num_latents

    def sample(self, num_samples: int, seed: np.ndarray) -> tf.Tensor:
        """Draws images in [0, 1], row i from `seed[i]`. With one latent, equals `model.sample`."""
        model = self._model
        latents = [seeds.normal(seed, (model.latent_dim,))]
        for k in range(1, self._num_latents):  # random streams that the noise does not use
            latents.append(seeds.normal(seeds.fold(seed, 100 + k), (model.latent_dim,)))
        w = tf.stack([model.mapping(z) for z in latents], axis=1)[..., 0, :]
        return model.synthesis(tf.gather(w, self._latent_of_style(seed), axis=1, batch_dims=1), seed=seed)

    def _latent_of_style(self, seed):
        """The index of each style's latent, int [num_samples, num_ws], with uniform switching layers."""
        draws = seeds.uniform(seeds.fold(seed, 200), (self._model.num_ws - 1,))
        rank = tf.argsort(tf.argsort(draws))
        changes = tf.cast(rank < self._num_latents - 1, tf.int32)
        return tf.pad(tf.cumsum(changes, axis=1), [[0, 0], [1, 0]])


def measure(preset: str, dataset: tf.data.Dataset, about: dict, num: int) -> dict:
    """The row of a preset: each metric as (value, standard error)."""
    model = _in_float32(zoo.load(preset))
    row = {
        "preset": preset,
        "mixing_probability": model.mixing_probability,
        "noise": model.use_noise,
    }
    for num_latents in range(1, 5):
        print(f"{preset}, {num_latents} latents:")
        sets = compare_samples(Mixed(model, num_latents), dataset, num_examples=num, **about)
        result = METRICS["frechet_distance"](sets)
        row[f"{num_latents} of z"] = result["value"], result["standard_error"]
    (result,) = evaluate(model, dataset, names=["perceptual_path_length_w"], num_examples=num, **about)
    return row | {"path length in W": (result["value"], result["standard_error"])}


def _in_float32(model):
    """A float32 copy of the model: bfloat16 is too coarse for the small steps of path lengths."""
    exact = type(model).from_config({**model.get_config(), "dtype": "float32"})
    exact.set_weights(model.get_weights())
    return exact


def markdown(rows: list[dict]) -> str:
    """A Markdown table, one line per preset."""
    return markdown_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _cell(value):
    return f"{value[0]:.1f} ± {value[1]:.1f}" if isinstance(value, tuple) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("presets", nargs="+", help="folders of unconditional StyleGAN presets")
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--split", default="test")
    parser.add_argument(
        "--num", type=int, default=5000, help="samples and real images (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="file for the rows")
    arguments = parser.parse_args()

    about = {"dataset_name": arguments.dataset, "split": arguments.split, "seed": arguments.seed}
    dataset = in_order(source(arguments.dataset, arguments.split, None, labels=False))
    with contextlib.redirect_stdout(sys.stderr):  # with the progress bars
        rows = [measure(preset, dataset, about, arguments.num) for preset in arguments.presets]
    print(f"{arguments.num} samples and images of {arguments.dataset} {arguments.split}, ± standard error.\n")
    print(markdown(rows))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
