"""`latentzoo train` on tiny models: presets, recipes, settings, replicas."""

import inspect
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo
from latentzoo.cli import train
from latentzoo.trainers import settings
from latentzoo.trainers import train as train_function
from latentzoo.zoo.flows import Glow

from .commands import SMALL, run

TINY = ["--batch_size", 16, "--checkpoint_every", 2, "--eval_examples", 8]


def test_train_leaves_a_preset_and_fine_tuning_starts_from_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(
        "TF_NUM_INTRAOP_THREADS", ""
    )  # which --parallel_micro_batches sets, put back in the end
    settings = ["--dataset", SMALL, "--parallel_micro_batches", 2, *TINY]
    sizes = ["--set", "depth=1", "--set", "levels=1", "--set", "width=4", "--set", "coupling=additive"]
    run("train", "glow", "--workdir", tmp_path / "first", "--steps", 2, *sizes, *settings)
    preset = tmp_path / "first" / "preset"
    assert capsys.readouterr().out.endswith(f"preset in {preset}\n")
    information = zoo.info(preset)
    assert (information["name"], information["dataset"]) == ("first", SMALL)
    first = zoo.load(preset)
    assert first.get_config()["coupling"] == "additive" and first.initialized

    tuned = ["--workdir", tmp_path / "second", "--steps", 1, "--learning_rate", 1e-9, "--ema", 0]
    run("train", preset, *tuned, *settings)
    second = zoo.load(tmp_path / "second" / "preset")
    for before, after in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-7)


def test_train_follows_a_recipe_and_flags_go_before_it(tmp_path):
    recipe = {
        "model": {
            "registered_name": "latentzoo>Glow",
            "config": {"image_shape": [28, 28, 1], "levels": 1, "depth": 1, "width": 4},
        },
        "dataset": SMALL,
        "train": {"steps": 50, "batch_size": "8", "ema": 0, "seed": "3"},  # numbers as texts, as flags are
    }
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe))
    run("train", path, "--workdir", tmp_path / "run", "--steps", 1, "--eval_split", "none")
    recorded = zoo.info(tmp_path / "run" / "preset")["recipe"]["train"]
    assert [recorded[name] for name in ("steps", "batch_size", "ema", "seed")] == [1, 8, 0, 3]


def test_a_dry_run_prints_the_recipe_of_a_preset_and_trains_nothing(tmp_path, capsys):
    arguments = ["--dataset", SMALL, "--workdir", tmp_path / "run", "--set", "steps=7", "--set", "depth=1"]
    run("train", "--recipe", "glow-fashion-mnist", "--dry_run", *arguments)
    recipe = json.loads(capsys.readouterr().out)
    assert recipe["train"]["steps"] == 7 and recipe["train"]["learning_rate"] == 0.003
    assert recipe["model"]["config"]["depth"] == 1 and recipe["model"]["config"]["width"] == 128
    assert recipe["parameters"] == Glow(depth=1, width=128, preprocess="equalize").count_params()
    assert not (tmp_path / "run").exists()


def test_a_recipe_of_endless_layers_is_refused(tmp_path, capsys):
    model = {"registered_name": "latentzoo>RealNVP", "config": {"event_shape": [2], "depth": 10**9}}
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"model": model, "dataset": "two_moons", "train": {"steps": 1}}))
    with pytest.raises(SystemExit, match="2"):
        run("train", path, "--workdir", tmp_path / "run", "--dry_run")
    assert f"depth of '{path}' must be at most 10000, got 1000000000" in capsys.readouterr().err


def test_settings_are_those_of_trainers_train():
    parameters = inspect.signature(train_function).parameters
    of_python = {"model", "dataset", "workdir", "eval_dataset", "metadata", "verbose", "callbacks"}
    assert set(train.FLAGS) == set(parameters) - of_python
    for name in train.FLAGS:
        assert settings.DEFAULTS[name] == parameters[name].default
        assert f"{name}: " in train_function.__doc__


def test_old_names_of_settings_work_with_a_warning(tmp_path, capsys):
    fixed = ["train", "glow", "--dataset", SMALL, "--workdir", tmp_path, "--steps", 1, "--dry_run"]
    with pytest.warns(DeprecationWarning, match="^accumulation is micro_batches now"):
        run(*fixed, "--accumulation", 2)
    recipe = json.loads(capsys.readouterr().out)
    assert recipe["train"]["micro_batches"] == 2
    recipe = {key: recipe[key] for key in ("model", "dataset")} | {"train": {"steps": 1, "accumulation": 4}}
    (tmp_path / "old.json").write_text(json.dumps(recipe))
    with pytest.warns(DeprecationWarning, match="^accumulation is micro_batches now"):
        run("train", tmp_path / "old.json", *fixed[4:])
    assert json.loads(capsys.readouterr().out)["train"]["micro_batches"] == 4


def test_a_signal_after_the_work_does_not_change_the_exit_code():
    code = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGTERM)"
    code += "; from latentzoo.cli import main; main.run()"
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True)
    assert done.returncode == 0 and "glow-fashion-mnist" in done.stdout, done.stderr


def test_two_replicas_of_one_processor(tmp_path):
    arguments = ["train", "glow", "--dataset", SMALL, "--workdir", tmp_path, "--replicas", 2, "--steps", 1]
    arguments += [*TINY, "--set", "depth=1", "--set", "levels=1", "--set", "width=4", "--deterministic"]
    command = [sys.executable, "-c", "from latentzoo.cli import main; main.run()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch("1/1 steps  bits_per_dim: .*\n", done.stderr), done.stderr
    assert done.stdout.endswith(f"preset in {tmp_path / 'preset'}\n")


@pytest.fixture
def damaged_folder(images, tmp_path):
    """Twenty images, of which one is cut short."""
    folder = tmp_path / "images"
    folder.mkdir()
    for k, image in enumerate(images[:20]):
        Image.fromarray(image[..., 0]).save(folder / f"{k:02}.png")
    cut = folder / "03.png"
    cut.write_bytes(cut.read_bytes()[:-40])
    return folder


def test_an_image_that_cannot_be_read_is_named_or_skipped(damaged_folder, tmp_path, capsys):
    fixed = ["train", "autoencoder", "--dataset", damaged_folder, "--eval_split", "none", "--steps", 3]
    fixed += [*TINY, "--set", "depth=0", "--set", "levels=1", "--set", "width=4"]
    with pytest.raises(SystemExit) as stop:
        run(*fixed, "--workdir", tmp_path / "a")
    error = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2
    assert f"image file '{damaged_folder / '03.png'}' cannot be read" in error
    with pytest.warns(UserWarning, match="03.png"):
        run(*fixed, "--workdir", tmp_path / "b", "--skip_unreadable")
    assert "1 unreadable images were skipped" in capsys.readouterr().err
