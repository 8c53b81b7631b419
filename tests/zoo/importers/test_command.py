"""`latentzoo import`: from a network pickle to a preset, or one sentence and exit code 2."""

import hashlib
import json

import numpy as np
import pytest

from latentzoo import zoo
from latentzoo.cli import main

from . import numpy_stylegan


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", "import", *map(str, arguments)]))


def refusal(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as exit_:
        run(*arguments)
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("latentzoo import: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_pickle_becomes_a_preset(write_network_pickle, tmp_path, capsys):
    path, expected = write_network_pickle("tensorflow_4")
    folder = tmp_path / "imported"
    run("stylegan2", path, "--out", folder, "--json")
    told = json.loads(capsys.readouterr().out)
    model = zoo.load(folder)
    assert told == {
        "preset": str(folder),
        "model": "StyleGAN2",
        "image_shape": [16, 16, 3],
        "parameters": model.count_params(),
        "source": {
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "code": "stylegan2",
        },
    }
    assert zoo.info(folder)["source"] == told["source"]
    w = model.generator.mapping(expected["z"])
    images = model.generator.synthesis(w, noise="const")
    np.testing.assert_allclose(images, expected["images_const"].transpose(0, 2, 3, 1), rtol=0, atol=1e-4)


def test_a_pickle_of_the_first_stylegan_becomes_a_preset(write_stylegan_pickle, tmp_path, capsys):
    path, settings, variables = write_stylegan_pickle("rgb")
    folder = tmp_path / "imported"
    run("stylegan", path, "--out", folder)
    model = zoo.load(folder)
    parameters = model.count_params()
    assert capsys.readouterr().out == f"StyleGAN of 16x16x3 images with {parameters} parameters in {folder}\n"
    assert zoo.info(folder)["source"]["code"] == "stylegan"
    w = np.random.default_rng(0).standard_normal([2, 6, 7]).astype(np.float32)
    expected = numpy_stylegan.synthesis(variables, settings["generator"], w)
    images = model.generator.synthesis(w, noise="const")
    np.testing.assert_allclose(images, expected.transpose(0, 2, 3, 1), rtol=0, atol=1e-4)


def test_what_cannot_be_imported_is_told_in_one_sentence(write_network_pickle, tmp_path, capsys):
    path, _ = write_network_pickle("rgba_orig_clamped")
    content = path.read_bytes()
    out = ("--out", tmp_path / "imported")
    path.write_bytes(content[: len(content) // 2])
    assert "is not a complete network pickle: it is damaged" in refusal(capsys, "stylegan2-ada", path, *out)
    path.write_bytes(b"\x80\x04cos\nsystem\n(X\x04\x00\x00\x00exittR.")
    for kind in ("stylegan2-ada", "stylegan"):
        assert "is refused: it names os.system" in refusal(capsys, kind, path, *out)
    assert "No such file" in refusal(capsys, "stylegan2-ada", tmp_path / "none.pkl", *out)
    assert "invalid choice: 'biggan'" in refusal(capsys, "biggan", path, *out)
    assert "required: --out" in refusal(capsys, "stylegan2-ada", path)
    assert not (tmp_path / "imported").exists()
