"""The README's serving section, followed word by word but for the server, which is the stand-in here."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentzoo import export, zoo
from latentzoo.cli import main

from .model_requests import answer_of_keras, assert_same, size_of_export
from .stand_in import StandIn

README = Path(__file__).parents[2] / "README.md"

# `curl -s URL -d DATA`, for machines that have none.
CURL = f"""
curl() {{ '{sys.executable}' -c 'import sys, urllib.request
print(urllib.request.urlopen("http://" + sys.argv[2], sys.argv[4].encode()).read().decode())' "$@"; }}
python3() {{ '{sys.executable}' "$@"; }}
"""


@pytest.fixture(scope="module")
def blocks():
    """The code of the section, a string for each block."""
    (section,) = re.findall(r"^## Serving\n(.*?)^## ", README.read_text(encoding="utf-8"), re.M | re.S)
    return re.findall(r"^```(?:python)?\n(.*?)^```", section, re.M | re.S)


@pytest.fixture(scope="module")
def served(blocks, tmp_path_factory):
    """(folder where the commands ran, gRPC address, REST address) after the export command."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(command(blocks, "latentzoo export"))
    stand_in = StandIn(folder / "models")
    yield folder, f"localhost:{stand_in.start_grpc()}", f"localhost:{stand_in.start_rest()}"
    stand_in.stop()


def command(blocks, start) -> str:
    (line,) = (line for line in blocks[0].splitlines() if line.startswith(start))
    return line.split("#")[0]


def run(line: str, *more: str) -> None:
    main.main(main.parse([*shlex.split(line), *more]))


def test_the_commands_end_with_an_image(blocks, served, monkeypatch):
    folder, address, _ = served
    monkeypatch.chdir(folder)
    run(command(blocks, "latentzoo request"), "--server", address)
    assert Image.open("grid.png").size == (4 * 58 + 2, 4 * 58 + 2)  # 16 images of twice 28, and gaps
    assert Path(command(blocks, "docker").split()[3]).is_file()


def test_curl_gets_an_image_and_its_score(blocks, served):
    folder, _, address = served
    (code,) = (block for block in blocks if block.startswith("curl "))
    script = CURL + code.replace("localhost:8501", address)
    printed = subprocess.run(["bash", "-ec", script], cwd=folder, check=True, capture_output=True, text=True)
    model = zoo.load("glow-fashion-mnist")
    drawn = np.asarray(Image.open(folder / "sample.png"))
    request = {"seed": np.zeros([1, 2], np.int32), "temperature": np.array([0.7], np.float32)}
    assert_same({"images": drawn[None, ..., None]}, answer_of_keras(model, "sample", request))
    expected = answer_of_keras(model, "log_prob", {"images": drawn[None, ..., None]})
    score = re.search(r'"log_prob": ([-\d.]+)', printed.stdout)[1]
    assert float(score) == pytest.approx(expected["log_prob"][0], rel=1e-5)


def test_the_export_is_not_much_larger_than_its_weights(served):
    weights = sum(weight.value.numpy().nbytes for weight in zoo.load("glow-fashion-mnist").weights)
    assert size_of_export(served[0] / "models" / "glow-fashion-mnist" / "1") <= 1.5 * weights + 5e6


def test_python_gets_what_it_says(blocks, served, monkeypatch):
    folder, address, _ = served
    monkeypatch.chdir(folder)
    (code,) = (block for block in blocks if block.startswith("from latentzoo"))
    names, exported = {}, []
    monkeypatch.setattr(export, "saved_model", lambda *arguments: exported.append(arguments))
    exec(code.replace("localhost:8500", address), names)
    assert names["images"].shape == (16, 28, 28, 1) and names["images"].dtype == np.uint8
    assert names["latents"].shape == (16, 784)
    ((model, path),) = exported  # as the command has done
    assert model.name == "glow" and path == "models/glow-fashion-mnist"
