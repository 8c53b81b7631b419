"""`latentzoo export` and `latentzoo request`, from a preset to a picture."""

import json

import numpy as np
import pytest
from PIL import Image

from latentzoo.cli import main

from .model_requests import encode, smooth_images
from .stand_in import StandIn


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


@pytest.fixture(scope="module")
def glow(make_glow):
    """A quick one to export; do not change it."""
    return make_glow(levels=1, depth=1)


@pytest.fixture(scope="module")
def preset(glow, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    glow.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def served(preset, tmp_path_factory):
    """(folder, gRPC address, REST address) of a stand-in for TF Serving on what the command wrote."""
    folder = tmp_path_factory.mktemp("models")
    run("export", preset, "--out", folder)
    stand_in = StandIn(folder)
    yield folder, f"localhost:{stand_in.start_grpc()}", f"localhost:{stand_in.start_rest()}"
    stand_in.stop()


def test_export_writes_all_that_a_server_needs(served):
    folder = served[0]
    assert sorted(path.name for path in folder.iterdir()) == [
        *("batching_parameters.txt", "compose.yaml", "models.config", "monitoring.config", "tiny"),
    ]
    version = folder / "tiny" / "1"
    assert {"saved_model.pb", "variables", "assets.extra"} <= {path.name for path in version.iterdir()}


def test_info_describes_what_is_exported(preset, capsys):
    run("info", preset, "--signatures")
    lines = capsys.readouterr().out.splitlines()
    assert "sample(seed int32 [B, 2], temperature float32 [B]) -> images uint8 [B, 8, 8, 1]" in lines
    run("info", preset, "--signatures", "--json")
    described = json.loads(capsys.readouterr().out)["signatures"]
    assert described["log_prob"]["outputs"]["log_prob"]["meaning"] == "log p, in nats"
    temperature = described["sample"]["inputs"]["temperature"]
    assert (temperature["minimum"], temperature["maximum"], temperature["shape"]) == (0, 1e6, ["B"])


@pytest.mark.parametrize("protocol", ["gRPC", "REST"])
def test_request_ends_with_the_image_that_sample_draws(protocol, served, preset, tmp_path, capsys):
    options = ["--num", 5, "--seed", 2, "--temperature", 0.5]
    server = ["--server", served[1]] if protocol == "gRPC" else ["--rest", "--server", served[2]]
    run("request", "sample", "--model", "tiny", *server, *options, "--out", tmp_path / "asked.png")
    assert capsys.readouterr().out == f"5 images in {tmp_path / 'asked.png'}\n"
    run("sample", preset, *options, "--out", tmp_path / "drawn.png")
    asked, drawn = (np.asarray(Image.open(tmp_path / f"{name}.png"), int) for name in ("asked", "drawn"))
    assert np.abs(asked - drawn).max() <= 1


def test_request_scores_and_reconstructs_files(served, glow, tmp_path, capsys):
    images = smooth_images(np.random.default_rng(3), 2, (8, 8, 1))
    files = [tmp_path / f"{i}.png" for i in range(2)]
    for file, image in zip(files, images, strict=True):
        file.write_bytes(encode(image, "PNG"))
    common = ["--model", "tiny", "--server", served[1], "--images", *files]
    run("request", "log_prob", *common)
    lines = capsys.readouterr().out.splitlines()
    scores = np.asarray(glow.log_prob(images))
    assert [line.split(",")[0] for line in lines] == [
        f"{file}: {score:.2f} nats" for file, score in zip(files, scores, strict=True)
    ]
    run("request", "reconstruct", *common, "--out", tmp_path / "grid.png")
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (8 * 8 + 4, 4 * (8 * 8 + 2) + 2)
    np.testing.assert_array_equal(grid[2:66, 2:66], grid[2:66, 68:132])


def refusal(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out, printed.err.count("\n")) == (2, "", 1)
    return printed.err


def test_what_is_refused(served, preset, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, address, rest_address = served
    for arguments, message in [
        (["export", preset, "--out", folder, "--version", 1], "version 1 exists in '"),
        (["export", preset, "--version", 0], "got '0', expected an integer of at least 1"),
        (["export", preset, "--name", "a/b"], "name must be a valid folder name, got 'a/b'."),
        (["export", "no-such-preset"], "got 'no-such-preset': "),
        (["export", preset, "--out", "/proc/models"], "folder '/proc' cannot be written"),
        (["request", "sample", "--images", "a.png"], "images must not be given for sample."),
        (["request", "log_prob"], "images must be given for log_prob."),
        (["request", "sample", "--rest", "--server", "localhost:1"], "server 'localhost:1' does not answer"),
        (["request", "sample", "--server", address, "--model", "sky"], "Servable not found for request: sky"),
        (["request", "sample", "--rest", "--server", rest_address, "--model", "sky"], "Servable not found"),
        (["request", "sample", "--out", "a.jpg"], "got 'a.jpg', expected a .png file"),
    ]:
        assert message in refusal(capsys, *arguments)
    assert [path.name for path in (folder / "tiny").iterdir()] == ["1"]


@pytest.mark.usefixtures("quick_save")
def test_a_second_export_is_the_next_version(moons, tmp_path, capsys):
    preset, folder = tmp_path / "preset", tmp_path / "models"
    moons.save_to_preset(preset)
    for number in (1, 2):
        run("export", preset, "--out", folder, "--name", "other")
        path = folder / "other" / str(number)
        assert capsys.readouterr().out == f"version {number} of other in {path}\n"
    assert 'key: "previous" value: 1' in (folder / "models.config").read_text()
