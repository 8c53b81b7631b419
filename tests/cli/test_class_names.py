"""Classes by name on the command line: data in another order, other classes, labels."""

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo
from latentzoo.cli import main
from latentzoo.data.draws import drawn_numbers
from latentzoo.zoo.vaes import VAE


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


@pytest.fixture
def preset(tmp_path):
    model = VAE(image_shape=(8, 8, 1), latent_dim=2, levels=1, depth=0, width=4, num_classes=2)
    model.decoder.embedding.assign(np.random.default_rng(0).normal(size=model.decoder.embedding.shape))
    model.class_names = ("Shirt", "Ankle boot")
    model.save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of four pictures of each class."""

    def make(*names):
        for k, name in enumerate(names):
            (tmp_path / "data" / name).mkdir(parents=True)
            for i in range(4):
                Image.new("L", (8, 8), 60 * k + i).save(tmp_path / "data" / name / f"{i}.png")
        return tmp_path / "data"

    return make


def train(preset, data, workdir, *options):
    settings = ["--split", "all", "--eval_split", "none", "--steps", 1, "--batch_size", 4]
    run("train", preset, "--dataset", data, "--workdir", workdir, *settings, *options)


def test_a_folder_in_another_order_is_scored_with_the_models_numbers(preset, folder, capsys):
    data = folder("ankle_boot", "shirt")
    with pytest.warns(
        UserWarning, match=f"'{data}' gets the model's labels of its classes: ankle_boot is 1, shi"
    ):
        run("evaluate", preset, "--dataset", data, "--split", "all", "--num", 6)
    pixels = np.uint8([0, 1, 2, 3, 60, 61, 62, 63])[:, None, None, None] * np.ones([1, 8, 8, 1], np.uint8)
    chosen = drawn_numbers(8, 6, seed=0)
    scores = zoo.load(preset).elbo(pixels[chosen], labels=np.repeat([1, 0], 4)[chosen])
    printed = capsys.readouterr().out
    assert f"elbo: {np.mean(scores):.4f} ± " in printed and "6 of 8 examples, drawn with seed 0" in printed


def test_other_classes_are_refused_or_get_a_new_head(preset, folder, tmp_path, capsys):
    data = folder("cat", "dog", "emu")
    with pytest.raises(SystemExit) as stop:
        train(preset, data, tmp_path / "run")
    message = "has classes that the model does not have: cat, dog, emu; it has Shirt, Ankle boot."
    assert stop.value.code == 2 and message in capsys.readouterr().err
    train(preset, data, tmp_path / "run", "--new_classes")
    model = zoo.load(tmp_path / "run" / "preset")
    assert model.class_names == ("cat", "dog", "emu") and model.num_classes == 3
    run("evaluate", tmp_path / "run" / "preset", "--split", "all")
    assert "elbo: " in capsys.readouterr().out


def test_labels_are_numbers_or_names(preset, tmp_path, capsys):
    pictures = []
    for labels in ("ankle boot, Shirt", "1,0"):
        run("sample", preset, "--num", 2, "--labels", labels, "--out", tmp_path / "a.png")
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[1]
    with pytest.raises(SystemExit):
        run("sample", preset, "--labels", "shirk")
    assert "labels must be numbers or names of classes" in (error := capsys.readouterr().err)
    assert "got 'shirk': did you mean Shirt?" in error


def test_new_classes_are_of_a_preset(folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        train("vae", folder("a", "b"), tmp_path / "run", "--new_classes")
    assert "new_classes must be given with a preset to fine-tune, got 'vae'." in capsys.readouterr().err
