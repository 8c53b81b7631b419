"""The registry of presets, on folders made by hand: no model and no TensorFlow is needed."""

import hashlib
import json
import subprocess
import sys

import pytest

from latentzoo import zoo
from latentzoo.zoo import registry

FILES = {"config.json": b"{}", "model.weights.h5": b"weights"}


@pytest.fixture
def make_preset(tmp_path):
    def make(name="glow-clothes", **changes):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for file, content in FILES.items():
            (folder / file).write_bytes(content)
        checksums = {file: hashlib.sha256(content).hexdigest() for file, content in FILES.items()}
        metadata = {
            "format": 1,
            "name": name,
            "family": "flow",
            "model": "Glow",
            "dataset": "clothes",
            "parameters": 7,
            "metrics": [],
            "licence": {"weights": "Apache-2.0", "data": "MIT"},
            "sha256": checksums,
            "recipe": {"steps": 3},
            **changes,
        }
        (folder / "metadata.json").write_text(json.dumps(metadata))
        return folder

    return make


@pytest.fixture
def presets(tmp_path, make_preset, monkeypatch):
    """A zoo of two presets."""
    monkeypatch.setattr(registry, "PRESETS", tmp_path / "presets")
    return [make_preset("presets/glow-mnist"), make_preset("presets/glow-fashion-mnist")]


def test_presets_are_listed_by_name_with_what_a_choice_needs(presets):
    listed = zoo.list_presets()
    assert [preset["name"] for preset in listed] == [
        "presets/glow-fashion-mnist",
        "presets/glow-mnist",
    ]
    assert set(listed[0]) == set(registry.LISTED)


def test_info_has_all_metadata_and_the_folder(presets):
    information = zoo.info("glow-mnist")
    assert information["recipe"] == {"steps": 3}
    assert information["path"] == str(presets[0])


def test_a_folder_is_a_preset_too(make_preset):
    folder = make_preset()
    assert zoo.info(folder)["path"] == zoo.info(str(folder))["path"] == str(folder)


def test_a_name_goes_before_a_folder_in_the_working_directory(presets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "glow-mnist").mkdir()
    assert registry.preset_folder("glow-mnist") == presets[0]
    assert registry.preset_folder("./glow-mnist").samefile(tmp_path / "glow-mnist")


@pytest.mark.parametrize(
    "name, end",
    [
        ("glow-mnst", "got 'glow-mnst': did you mean glow-mnist or glow-fashion-mnist?"),
        ("xyz", "got 'xyz': known are glow-fashion-mnist, glow-mnist."),
        ("", "got '': known are glow-fashion-mnist, glow-mnist."),
    ],
)
def test_an_unknown_name_names_the_nearest(presets, name, end):
    with pytest.raises(ValueError) as error:
        registry.preset_folder(name)
    assert str(error.value) == (f"preset must be a preset's name or a folder made by save_to_preset, {end}")


def test_a_whole_preset_passes(make_preset):
    assert registry.check_files(make_preset())["parameters"] == 7


@pytest.mark.parametrize("file", FILES)
def test_each_damaged_byte_is_found_and_the_file_named(make_preset, file):
    folder = make_preset()
    content = bytearray(FILES[file])
    content[0] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"{file}' is damaged: its sha256 is [0-9a-f]{{64}}"):
        registry.check_files(folder)


@pytest.mark.parametrize("file", [*FILES, "metadata.json"])
def test_a_missing_file_is_named(make_preset, file):
    folder = make_preset()
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=file):
        registry.check_files(folder)


def test_a_newer_format_asks_for_a_newer_version(make_preset):
    with pytest.raises(ValueError, match="has format 2, .* up to 1: install a newer latentzoo"):
        registry.check_files(make_preset(format=2))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "one"}', "{}"])
def test_damaged_metadata_is_named(make_preset, content):
    folder = make_preset()
    (folder / "metadata.json").write_text(content)
    with pytest.raises(ValueError, match=r"metadata.json' is damaged"):
        registry.check_files(folder)


@pytest.mark.parametrize("checksums", [None, {}, {"config.json": "0"}])
def test_no_file_goes_unchecked(make_preset, checksums):
    with pytest.raises(ValueError, match="its sha256 must name config.json and model.weights.h5"):
        registry.check_files(make_preset(sha256=checksums))


def test_metadata_cannot_point_out_of_its_folder(make_preset, tmp_path):
    (tmp_path / "secret").write_bytes(b"")
    checksums = dict.fromkeys([*FILES, "../secret"], "")
    checksums.update({file: hashlib.sha256(content).hexdigest() for file, content in FILES.items()})
    with pytest.raises(ValueError, match="names '../secret', outside of its folder"):
        registry.check_files(make_preset(sha256=checksums))


def test_the_presets_inside_the_package_are_whole():
    for preset in zoo.list_presets():
        metadata = registry.check_files(registry.preset_folder(preset["name"]))
        assert metadata["name"] == preset["name"]


def test_listing_imports_neither_tensorflow_nor_keras():
    script = (
        "import sys; from latentzoo import zoo; zoo.list_presets(); dir(zoo);"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_load_is_found_late_and_other_names_are_not():
    assert "load" in dir(zoo)
    assert callable(zoo.load)
    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        zoo.lode  # noqa: B018
