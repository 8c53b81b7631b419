"""The registry of presets, on folders made by hand: no model and no TensorFlow is needed."""

import hashlib
import json
import os
import subprocess
import sys
import threading

import pytest

from latentzoo import zoo
from latentzoo.zoo import folders, json_files, registry, saving

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
            "license": {"weights": "Apache-2.0", "data": "MIT"},
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


@pytest.mark.parametrize("written", ["licence", "license"])
def test_license_has_an_old_name(make_preset, written):
    folder = make_preset()
    content = json.loads((folder / "metadata.json").read_text())
    del content["license"]
    (folder / "metadata.json").write_text(json.dumps({**content, written: "MIT"}))
    information = zoo.info(folder)
    assert information["license"] == "MIT" and "licence" not in information
    with pytest.warns(DeprecationWarning, match="^licence is license now"):
        assert information["licence"] == "MIT"
    with pytest.warns(DeprecationWarning, match="^licence is license now"):
        saving.update_metadata(folder, {"licence": "BSD"})
    assert zoo.info(folder)["license"] == "BSD"
    with pytest.raises(KeyError):
        information["lisence"]


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


@pytest.mark.parametrize(
    "content, reason",
    [
        ("[" * 100_000, "nested more than 100 levels"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 levels"),
        ("9" * 400, "integer 99999999999999999999... of 400 characters has more than 64 bits"),
        ("9" * 5000, "has more than 64 bits"),
        ("[-9223372036854775809]", "has more than 64 bits"),
        ("1e999", "number 1e999 is too large"),
        ("[NaN]", "NaN is not a number"),
        ("-Infinity", "-Infinity is not a number"),
        (b"\xff", "can't decode"),
        (b"\xed\xa0\x80", "can't decode"),
        (b" " * 16_000_001, "longer than 16000000 bytes"),
    ],
)
def test_json_that_no_reader_could_take(make_preset, content, reason):
    folder = make_preset()
    (folder / "metadata.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as error:
        zoo.info(folder)
    text = str(error.value)
    assert text.startswith(f"'{folder / 'metadata.json'}' is damaged: ") and reason in text
    assert "\n" not in text and len(text) < 500


def test_json_within_the_limits_is_as_it_was():
    deep = json.loads("[" * 100 + "]" * 100)
    value = {"deep": deep, "numbers": [2**64 - 1, -(2**63), 1e308, 5e-324, True, None], "text": "ü"}
    assert json_files.value(json.dumps(value)) == value


@pytest.mark.parametrize(
    "entry, sentence",
    [
        ({"format": True}, "its format must be an integer, got True"),
        ({"family": 3}, "its family must be a string, got 3"),
        ({"parameters": -1}, "its parameters must be an integer of at least 0, got -1"),
        ({"dataset": ["mnist"]}, "its dataset must be a string"),
        ({"metrics": {"bits": 3}}, "its metrics must be a list"),
        ({"metrics": ["bits"]}, "each of its metrics must be an object with a name, got 'bits'"),
        ({"metrics": [{"name": "bits"}]}, "the value of its metric 'bits' must be a finite number"),
        (
            {"metrics": [{"name": "bits", "value": 3, "unit": 4}]},
            "in its metric 'bits', unit must be a string",
        ),
        ({"sha256": {"config.json": None}}, "its sha256 must be an object"),
    ],
)
def test_metadata_of_another_kind_is_named(make_preset, entry, sentence):
    with pytest.raises(ValueError, match="metadata.json' is damaged: ") as error:
        zoo.info(make_preset(**entry))
    assert sentence in str(error.value)


def test_what_a_metric_does_not_tell_is_null(make_preset):
    folder = make_preset(metrics=[{"name": "bits", "value": 3}])
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(json.dumps({**metadata, "name": None}))
    assert zoo.info(folder)["metrics"][0]["unit"] is None
    assert zoo.info(folder)["name"] == folder.name


@pytest.mark.parametrize("file", ["metadata.json", "config.json", "model.weights.h5"])
def test_what_is_no_file_is_not_read(make_preset, file):
    folder = make_preset()
    (folder / file).unlink()
    os.mkfifo(folder / file)
    with pytest.raises(OSError, match=f"{file}' is no regular file"):
        registry.check_files(folder)
    (folder / file).unlink()
    (folder / file).mkdir()
    with pytest.raises(OSError, match=f"{file}' (is no regular file|cannot be read: Is a directory)"):
        registry.check_files(folder)
    (folder / file).rmdir()
    (folder / file).symlink_to("/dev/zero")
    with pytest.raises(OSError, match=f"{file}' is no regular file"):
        registry.check_files(folder)


def test_a_preset_is_read_whole_while_it_is_replaced(make_preset):
    folder = make_preset("read")
    stop = threading.Event()

    def replace():
        for k in range(10_000):
            with folders.replacing_folder(folder) as scratch:
                content = f"weights {k}".encode()
                for file, text in {**FILES, "model.weights.h5": content}.items():
                    (scratch / file).write_bytes(text)
                sums = {file: hashlib.sha256((scratch / file).read_bytes()).hexdigest() for file in FILES}
                (scratch / "metadata.json").write_text(json.dumps({"format": 1, "sha256": sums, "k": k}))
            if stop.is_set():
                return

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(100):
            metadata, files = registry.read_preset(folder)
            if "k" in metadata:
                assert files["model.weights.h5"] == f"weights {metadata['k']}".encode()
    finally:
        stop.set()
        writer.join()


# Changing metadata


def test_the_files_of_others_are_no_part_of_the_preset(make_preset):
    folder = make_preset()
    for name in (".DS_Store", "config.json~", ".4711.metadata.json", "notes.txt"):
        (folder / name).write_text("not ours")
    (folder / "samples").mkdir()
    (folder / "recipe.json").write_text("{}")
    saving.update_metadata(folder, {"note": 1}, files=["recipe.json"])
    metadata = registry.check_files(folder)
    assert metadata["note"] == 1
    assert set(metadata["sha256"]) == {*FILES, "recipe.json"}


def test_no_change_of_many_at_once_is_lost(make_preset):
    folder = make_preset()

    def add(k):
        for _ in range(5):
            saving.update_metadata(folder, lambda now: {"seen": [*now.get("seen", []), k]})

    threads = [threading.Thread(target=add, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.read_metadata(folder)["seen"]) == 20
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert {path.name for path in folder.iterdir()} == {*FILES, "metadata.json"}


@pytest.mark.parametrize("entry", [{"metrics": [3]}, {"note": float("nan")}, {"parameters": "many"}])
def test_metadata_that_could_not_be_read_are_not_written(make_preset, entry):
    folder = make_preset()
    with pytest.raises(ValueError, match="metadata.json cannot be written: "):
        saving.update_metadata(folder, entry)
    assert registry.check_files(folder)["parameters"] == 7


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
