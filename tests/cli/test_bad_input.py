"""How the command refuses bad input: one line that names it, and exit code 2."""

import re
import subprocess
import sys

import pytest

from latentzoo import zoo

from .commands import SMALL, refusal, run

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
