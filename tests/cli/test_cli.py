"""The command, on tiny models: what it writes and prints."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo
from latentzoo.data.draws import drawn_numbers

from .commands import SMALL, run

COMMANDS = ["list", "info", "sample", "reconstruct", "interpolate", "evaluate", "compare", "train"]
COMMANDS += ["export", "request", "import", "manifold", "mix", "project", "diagnose"]


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
