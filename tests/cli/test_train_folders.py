"""Folders of pictures from the command line: alpha, classes, and splits that are not there."""

import json

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo
from latentzoo.cli import main, models

TINY = ["--batch_size", 4, "--steps", 2, "--set", "levels=1", "--set", "width=4", "--set", "r1_gamma=0"]


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


@pytest.fixture
def icons(tmp_path):
    """A folder of 12 icons of two classes, RGBA of several sizes."""
    random = np.random.default_rng(0)
    for k in range(12):
        path = tmp_path / "icons" / ("arrow", "box")[k % 2] / f"{k:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, [8 + 4 * (k % 3), 12, 4], np.uint8)).save(path)
    return tmp_path / "icons"


@pytest.mark.filterwarnings("ignore:frechet_distance of")  # of too few images for more than a test
def test_icons_with_alpha_and_classes(icons, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LATENTZOO_CACHE", str(tmp_path / "cache"))
    fixed = ["train", "gan", "--dataset", icons, "--workdir", tmp_path / "run", *TINY]
    fixed += ["--image_shape", "8,8,4", "--eval_split", "train"]
    with pytest.raises(SystemExit):
        run(*fixed, "--set", "num_classes=3")
    message = f"num_classes: got 3, expected 2, the classes of '{icons}' (arrow, box)."
    assert message in capsys.readouterr().err
    run(*fixed, "--set", "num_classes=2")
    preset = tmp_path / "run" / "preset"
    run("sample", preset, "--num", 4, "--out", tmp_path / "a.png")
    samples = zoo.load(preset).sample(4, labels=[0, 1, 0, 1]).numpy()
    with Image.open(tmp_path / "a.png") as drawn:
        assert drawn.mode == "RGBA"
        drawn = np.asarray(drawn)[-132:, -132:].reshape(2, 66, 2, 66, 4).transpose(0, 2, 1, 3, 4)
    cells = drawn[:, :, :64:8, :64:8].reshape(4, 8, 8, 4)
    assert np.abs(cells - np.floor(samples * 256)).max() <= 1
    (grid,) = (tmp_path / "run" / "grids").iterdir()
    with Image.open(grid) as picture:
        assert picture.mode == "RGBA"
    capsys.readouterr()
    # The folder is read as the model has its images, whatever their sizes.
    asked = main.parse(["latentzoo", "evaluate", str(preset), "--split", "train"])
    with models.load_data(asked, zoo.load(preset)) as dataset:
        images, labels = next(dataset.batch(11).as_numpy_iterator())
    assert images.shape == (11, 8, 8, 4) and sorted(set(labels)) == [0, 1]
    line = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    again = json.loads((tmp_path / "run" / "best" / "metadata.json").read_text())["metrics"][0]
    assert line["frechet_distance (squeezenet1.1)"] == again["value"] > 0
    run("info", preset)
    assert 'classes: ["arrow", "box"]' in capsys.readouterr().out


def test_a_set_without_the_split_test_trains_without_evaluation(tmp_path, capsys):
    path = tmp_path / "images.npz"
    np.savez(path, x_train=np.random.default_rng(0).integers(0, 256, [8, 8, 8, 1], np.uint8))
    fixed = ["train", "gan", "--dataset", path, "--workdir", tmp_path / "run", *TINY]
    with pytest.raises(SystemExit):
        run(*fixed, "--eval_split", "test")  # it was asked for
    assert "must have x_test, got x_train." in capsys.readouterr().err
    run(*fixed)
    printed = capsys.readouterr()
    assert f"{path} has no split 'test': training without evaluation\n" in printed.err
    assert printed.out.endswith(f"preset in {tmp_path / 'run' / 'preset'}\n")
    assert not (tmp_path / "run" / "best").exists()
