"""`latentzoo compare`: a flow and a VAE on the same images, each number what the model says."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from latentzoo.cli import compare
from latentzoo.data.draws import drawn_numbers
from latentzoo.zoo.flows import Glow
from latentzoo.zoo.vaes import VAE

SMALL = str(Path(__file__).parent.parent / "assets" / "fashion_mnist_small.npz")
TINY = {"image_shape": (28, 28, 1), "levels": 1, "depth": 1, "width": 4}


def run(*arguments) -> None:
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    compare.run(parser.parse_args(list(map(str, arguments))))


@pytest.fixture(scope="module")
def images():
    with np.load(SMALL) as arrays:
        return arrays["x_test"][drawn_numbers(256, 12, seed=0)][..., np.newaxis]


@pytest.fixture(scope="module")
def glow(images):
    model = Glow(**TINY)
    model.initialize(images)
    return model


def saved(model, folder, name):
    model.save_to_preset(folder / name, {"dataset": SMALL})
    return folder / name


def test_both_scores_and_both_grids(glow, images, tmp_path, capsys):
    vae = VAE(likelihood="discretized_logistic", latent_dim=2, **TINY)
    presets = saved(glow, tmp_path, "flow"), saved(vae, tmp_path, "vae")
    run(*presets, "--num_examples", 12, "--out", tmp_path / "grids")
    lines = capsys.readouterr().out.splitlines()
    assert f"{SMALL}, test, 12 of 256 images, drawn with seed 0" in lines
    for model, name, kind in ((glow, "flow", "exact density of noisy pixels"), (vae, "vae", "upper bound")):
        scores = np.asarray(model.bits_per_dim(images), np.float64)
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        value, _, error = line.split()[1:4]
        assert float(value) == pytest.approx(scores.mean(), abs=2e-4)
        assert float(error) == pytest.approx(scores.std(ddof=1) / np.sqrt(12), abs=2e-4)
        assert f"  {kind} (" in line
    grids = sorted(path.name for path in (tmp_path / "grids").iterdir())
    assert grids == ["samples-1-flow.png", "samples-2-vae.png"]


def test_a_model_without_bits_per_dim_is_refused(glow, tmp_path):
    presets = saved(glow, tmp_path, "flow"), saved(VAE(latent_dim=2, **TINY), tmp_path, "binary")
    with pytest.raises(ValueError) as error:
        run(*presets)
    assert str(error.value) == f"preset must be scored in bits/dim, got '{presets[1]}', which is not."
