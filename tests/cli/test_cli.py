"""The command, on tiny models: what it writes and prints, and how it refuses bad input."""

import inspect
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo
from latentzoo.cli import main, train
from latentzoo.data.draws import drawn_numbers
from latentzoo.trainers import settings
from latentzoo.trainers import train as train_function
from latentzoo.zoo.flows import Glow

SMALL = str(Path(__file__).parent.parent / "assets" / "fashion_mnist_small.npz")
COMMANDS = ["list", "info", "sample", "reconstruct", "interpolate", "evaluate", "compare", "train"]
COMMANDS += ["export", "request", "import", "manifold", "mix", "project", "diagnose"]


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


@pytest.fixture(scope="session")
def images():
    with np.load(SMALL) as arrays:
        return arrays["x_test"][..., np.newaxis]


@pytest.fixture(scope="session")
def preset(tmp_path_factory, images) -> Path:
    """A Glow of a few weights, initialised from real images."""
    model = Glow(image_shape=(28, 28, 1), levels=1, depth=1, width=4)
    model.initialize(images[:64])
    folder = tmp_path_factory.mktemp("presets") / "tiny-glow"
    model.save_to_preset(folder, {"dataset": SMALL, "licence": {"weights": "Apache-2.0"}})
    return folder


@pytest.fixture(scope="session")
def conditional_preset(tmp_path_factory, images) -> Path:
    model = Glow(image_shape=(28, 28, 1), levels=1, depth=1, width=4, num_classes=10)
    model.initialize(images[:64], np.arange(64) % 10)
    folder = tmp_path_factory.mktemp("presets") / "tiny-conditional-glow"
    model.save_to_preset(folder, {"dataset": SMALL})
    return folder


def cells(path, columns: int) -> np.ndarray:
    """The images of a grid of 28x28 images, [N, 28, 28], from each second pixel of its cells."""
    picture = np.asarray(Image.open(path))
    size = 2 * 28 + 2
    rows = (picture.shape[0] - 2) // size
    assert picture.shape == (rows * size + 2, columns * size + 2)
    grid = picture[2:, 2:].reshape(rows, size, columns, size)
    return grid.transpose(0, 2, 1, 3).reshape(-1, size, size)[:, :56:2, :56:2]


def bytes_of(floats) -> np.ndarray:
    return np.floor(np.asarray(floats)[..., 0] * 256).clip(0, 255).astype(np.uint8)


# Fast commands


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["train", "-h"]])
def test_what_needs_no_model_is_answered_in_half_a_second(arguments):
    command = [sys.executable, "-c", "from latentzoo.cli import main; main.run()", *arguments]
    times = []
    for _ in range(3):  # of the processor, whatever else the machine does, and the best of three
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.5


@pytest.mark.parametrize("arguments", [["list"], ["info"], *([name, "--help"] for name in COMMANDS)])
def test_they_import_no_tensorflow(arguments, preset):
    if arguments == ["info"]:
        arguments = ["info", str(preset)]
    script = (
        "import atexit, sys\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_datasets', 'numpy', 'PIL'}\n"
        "atexit.register(lambda: print('loaded', sorted(heavy & set(sys.modules))))\n"
        "from latentzoo.cli import main; main.run()"
    )
    command = [sys.executable, "-c", script, *arguments]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.endswith("loaded []\n")


def test_a_reader_that_has_enough_is_no_error():
    command = [sys.executable, "-c", "from latentzoo.cli import main; main.run()", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 0


def test_list_tells_the_presets_of_the_zoo(capsys):
    run("list", "--json")
    assert json.loads(capsys.readouterr().out) == zoo.list_presets()
    run("list")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "model", "dataset", "weights", "metric", "value"]
    for line, preset in zip(lines[1:], zoo.list_presets(), strict=True):
        metric = preset["metrics"][0]
        shown = [metric["name"].split()[0], f"{metric['value']:.3f}"]
        assert line.split()[0] == preset["name"] and line.split()[4:6] == shown and len(line) <= 100


def test_info_tells_all_that_is_recorded(preset, capsys):
    run("info", preset, "--json")
    assert json.loads(capsys.readouterr().out) == zoo.info(preset)
    run("info", preset)
    printed = capsys.readouterr().out
    assert f"dataset: {SMALL}\n" in printed and "  weights: Apache-2.0\n" in printed


# Pictures


def test_sample_draws_what_the_model_draws(preset, tmp_path, capsys):
    out = tmp_path / "a.png"
    run("sample", preset, "--num", 6, "--seed", 3, "--temperature", 0.5, "--out", out)
    expected = zoo.load(preset).sample(6, seed=3, temperature=0.5)
    np.testing.assert_array_equal(cells(out, 3), bytes_of(expected))
    assert capsys.readouterr().out == f"6 images in {out}\n"


def test_sample_repeats_the_labels_in_turn(conditional_preset, tmp_path):
    out = tmp_path / "a.png"
    run("sample", conditional_preset, "--num", 4, "--labels", "7,1", "--out", out)
    expected = zoo.load(conditional_preset).sample(4, labels=np.array([7, 1, 7, 1]))
    np.testing.assert_array_equal(cells(out, 2), bytes_of(expected))


def test_reconstruct_puts_each_image_beside_itself(preset, images, tmp_path):
    out = tmp_path / "a.png"
    run("reconstruct", preset, "--num", 6, "--out", out)
    drawn, expected = cells(out, 8), images[drawn_numbers(256, 6, seed=0), ..., 0]
    np.testing.assert_array_equal(drawn[0:12:2], expected)
    np.testing.assert_array_equal(drawn[1:12:2], expected)


def test_reconstruct_takes_image_files(preset, images, tmp_path):
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    for file, image in zip(files, images, strict=False):
        Image.fromarray(image[..., 0]).save(file)
    out = tmp_path / "a.png"
    run("reconstruct", preset, "--images", *files, "--out", out)
    np.testing.assert_array_equal(cells(out, 4), images[[0, 0, 1, 1], ..., 0])


def test_reconstruct_uses_the_labels_of_the_data(conditional_preset, images, tmp_path):
    out = tmp_path / "a.png"
    run("reconstruct", conditional_preset, "--num", 3, "--out", out)
    np.testing.assert_array_equal(cells(out, 6)[1::2], images[drawn_numbers(256, 3, seed=0), ..., 0])


def test_interpolate_goes_from_one_image_to_the_other(preset, images, tmp_path):
    Image.fromarray(images[9, ..., 0]).save(tmp_path / "b.png")
    out = tmp_path / "a.png"
    ends = ["--image_a", 4, "--image_b", tmp_path / "b.png"]
    run("interpolate", preset, *ends, "--steps", 5, "--out", out)
    drawn = cells(out, 5)
    np.testing.assert_array_equal(drawn[[0, -1]], images[[4, 9], ..., 0])
    expected = zoo.load(preset).interpolate(images[4], images[9], 5)
    np.testing.assert_array_equal(drawn, bytes_of(expected))


# Scores


def test_evaluate_prints_value_error_and_protocol(preset, images, capsys):
    run("evaluate", preset, "--num", 50, "--batch_size", 50, "--seed", 2, "--json")
    (result,) = json.loads(capsys.readouterr().out)
    part = images[drawn_numbers(256, 50, seed=2)]
    scores = np.asarray(zoo.load(preset).bits_per_dim(part, seed=2), np.float64)
    assert result["value"] == pytest.approx(scores.mean(), rel=1e-5)
    assert result["standard_error"] == pytest.approx(scores.std(ddof=1) / 50**0.5, rel=1e-4)
    run("evaluate", preset, "--num", 50, "--batch_size", 50, "--seed", 2)
    printed = capsys.readouterr().out
    value, error = result["value"], result["standard_error"]
    assert f"bits_per_dim: {value:.4f} ± {error:.4f} bits/dim ({SMALL}, test, 50" in printed
    assert result["protocol"] in printed


# Training


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
    assert recipe["parameters"] == Glow(depth=1, width=128, preprocess="equalise").count_params()
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
    assert "1 images could not be read and were passed over" in capsys.readouterr().err


# Bad input


def refusal(capsys, *arguments) -> str:
    """The one line of an error: exit code 2, nothing on standard output."""
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"latentzoo {arguments[0]}: error: ")
    return printed.err


PICTURE_COMMANDS = [
    ["sample"],
    ["reconstruct"],
    ["interpolate", "--image_a", "0", "--image_b", "1"],
]


@pytest.mark.parametrize("command", [*PICTURE_COMMANDS, ["evaluate"], ["info"]], ids=" ".join)
def test_an_unknown_preset_is_refused(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "got 'no-such-preset': " in refusal(capsys, command[0], "no-such-preset", *command[1:])


@pytest.mark.parametrize("command", PICTURE_COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "out, message",
    [
        ("none/a.png", "folder 'none' cannot be written (No such file or directory)"),
        ("a.jpg", "got 'a.jpg', expected a .png file"),
        ("folder.png", "got 'folder.png', which is a folder, expected a file"),
        ("/proc/a.png", "folder '/proc' cannot be written"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_slow_work(
    command, out, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    # The preset does not exist: the path is refused before it is looked for.
    arguments = [command[0], "no-such-preset", *command[1:], "--out", out]
    assert message in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["sample", "x", "--num", "0"], "--num: got '0', expected an integer of at least 1"),
        (["sample", "x", "--num", "1.5"], "--num: got '1.5', expected an integer of at least 1"),
        (["sample", "x", "--temperature", "-1"], "got '-1', expected a number of at least 0"),
        (["sample", "x", "--temperature", "nan"], "got 'nan', expected a number of at least 0"),
        (["sample", "x", "--temperature", "inf"], "got 'inf', expected a number of at least 0"),
        (["sample", "x", "--seed", "-1"], "--seed: got '-1', expected an integer of at least 0"),
        (["evaluate", "x", "--batch_size", "0"], "--batch_size: got '0', expected an integer"),
        (["interpolate", "x", "--image_a", "0", "--image_b", "1", "--steps", "1"], "of at least 2"),
        (["train", "glow"], "the following arguments are required: --workdir"),
        (["train", "glow", "--workdir", "/proc/a"], "folder '/proc' cannot be written"),
        (["train", "glow", "--workdir", "w", "--set", "depth"], "got 'depth', expected key=value"),
        (["train", "glow", "--workdir", "w", "--ema", "2"], "expected a number from 0 to 1"),
        (["train", "glow", "--workdir", "w", "--steps", "1"], "dataset must be given"),
        (["train", "glow", "--workdir", "w", "--dataset", "d"], "steps or epochs must be given"),
        (["train", "glwo", "--workdir", "w"], "got 'glwo': did you mean glow"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, *arguments)
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["reconstruct", "--images", "no.png"], "image file 'no.png' does not exist."),
        (["reconstruct", "--images", "a", "--dataset", "b"], "must not be given together."),
        (["interpolate", "--image_a", "0", "--image_b", "256"], "numbers below 256, .* got 256."),
        (["evaluate", "--dataset", "fashion_mnits"], "did you mean fashion_mnist"),
        (["evaluate", "--dataset", "two_moons"], r"model's shape \[28, 28, 1\], got \[2\] in"),
        (["evaluate", "--split", "dev"], "must have x_dev, got "),
        (["evaluate", "--metrics", "beauty"], "'beauty'"),
        (["sample", "--labels", "3"], "unconditional"),
        (["train", "--workdir", "w", "--steps", "1", "--set", "depth=3"], "must not be given for"),
        (["train", "--workdir", "w", "--steps", "1", "--dataset", "two_moons"], "model's shape"),
    ],
)
def test_what_does_not_fit_the_model_is_told(preset, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.search(message, refusal(capsys, arguments[0], preset, *arguments[1:]))


@pytest.mark.parametrize(
    "options, message",
    [
        (["--set", "dpeth=3"], "got 'dpeth': did you mean depth"),
        (["--set", "depth=0"], "depth"),
        (["--dataset", "two_moons"], r"must have images for latentzoo>Glow, got vectors \[2\]"),
        (["--batch_size", "1000"], "batch_size: got 1000"),
    ],
)
def test_a_model_that_cannot_be_trained_is_told(options, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fixed = ["train", "glow", "--workdir", "w", "--steps", "1", "--dataset", SMALL]
    sizes = ["--set", "levels=1", "--set", "depth=1", "--set", "width=4"]
    assert re.search(message, refusal(capsys, *fixed, *sizes, *options))


def test_a_damaged_preset_is_told_and_no_picture_is_written(preset, capsys, tmp_path):
    folder = tmp_path / "damaged"
    zoo.load(preset).save_to_preset(folder)
    weights = folder / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1])
    out = tmp_path / "a.png"
    assert "model.weights.h5' is damaged" in refusal(capsys, "sample", folder, "--out", out)
    assert not out.exists()


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        run("smaple")
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("latentzoo: error: argument COMMAND: invalid choice")


def test_the_command_itself_is_quiet_and_exits_with_2(tmp_path, preset):
    command = [sys.executable, "-c", "from latentzoo.cli import main; main.run()", "sample"]
    good = subprocess.run([*command, preset, "--num", "1"], cwd=tmp_path, capture_output=True, text=True)
    assert (good.returncode, good.stdout, good.stderr) == (0, "1 images in samples.png\n", "")
    bad = subprocess.run([*command, "nothing"], cwd=tmp_path, capture_output=True, text=True)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in bad.stderr
