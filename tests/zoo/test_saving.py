"""Models on disk: .keras, .weights.h5 and presets, whole or not at all."""

import json
import re
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from latentzoo import zoo
from latentzoo.zoo import registry, saving

pytestmark = pytest.mark.usefixtures("eagerly")

PACKAGE = Path(saving.__file__).parents[1]


@pytest.fixture(scope="module")
def preset(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "clothes"
    trained("plain").save_to_preset(folder, metadata={"dataset": "clothes", "license": {"data": "MIT"}})
    return folder


@pytest.fixture
def own_preset(preset, tmp_path):
    """A copy to damage."""
    folder = tmp_path / "clothes"
    folder.mkdir()
    for path in preset.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def rewrite(folder, file, content):
    """Puts `content` in a file of a preset, and its checksum in the metadata."""
    (folder / file).write_bytes(content)
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata["sha256"][file] = registry.sha256(folder / file)
    (folder / "metadata.json").write_text(json.dumps(metadata))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_same(loaded, model, images, labels):
    np.testing.assert_array_equal(loaded.log_prob(images, labels), model.log_prob(images, labels))
    assert loaded.initialized
    assert loaded.get_config() == model.get_config()
    for a, b in zip(loaded.weights, model.weights, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_keras_files_give_the_same_bits(each_trained, tmp_path):
    model, images, labels = each_trained
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(loaded, model, images, labels)
    assert loaded.optimizer.iterations == model.optimizer.iterations


def test_weight_files_give_the_same_bits(each_trained, tmp_path):
    model, images, labels = each_trained
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = type(model).from_config(model.get_config())
    assert not loaded.initialized
    loaded.load_weights(tmp_path / "model.weights.h5")
    assert_same(loaded, model, images, labels)


def test_presets_give_the_same_bits(each_trained, tmp_path):
    model, images, labels = each_trained
    model.save_to_preset(tmp_path / "new" / "preset")
    assert_same(zoo.load(tmp_path / "new" / "preset"), model, images, labels)


def test_training_goes_on_after_loading_as_if_nothing_had_been(
    trained, clothes, tmp_path, assert_same_weights
):
    trained("plain").save(tmp_path / "model.keras")
    models = [keras.models.load_model(tmp_path / "model.keras") for _ in range(2)]
    for model in models:
        model.fit(clothes[0], batch_size=64, shuffle=False, verbose=0)
    models[0].save(tmp_path / "later.keras")
    models[0] = keras.models.load_model(tmp_path / "later.keras")
    for model in models:
        model.fit(255 - clothes[0], batch_size=64, shuffle=False, verbose=0)
    assert_same_weights(*models)


def test_metadata_tells_what_is_in_the_folder(preset, trained):
    assert sorted(contents(preset)) == ["config.json", "metadata.json", "model.weights.h5"]
    information = zoo.info(preset)
    model = trained("plain")
    assert information["format"] == 1
    assert information["name"] == "clothes" and information["dataset"] == "clothes"
    assert information["family"] == "flow" and information["model"] == "Glow"
    assert information["parameters"] == sum(np.size(w) for w in model.weights)
    assert information["license"] == {"data": "MIT"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", information["date"])
    config = json.loads((preset / "config.json").read_text())
    assert config == {"registered_name": "latentzoo>Glow", "config": model.get_config()}


def test_a_preset_has_the_weights_and_not_the_optimiser(preset, trained):
    assert trained("plain").optimizer.iterations > 0
    sizes = []
    with h5py.File(preset / "model.weights.h5") as file:
        file.visititems(lambda _, item: sizes.append(item.size) if hasattr(item, "size") else None)
    assert sum(sizes) == sum(weight.size for weight in trained("plain").get_weights())


def test_an_uninitialised_model_stays_so(tiny, tmp_path):
    tiny(levels=1).save_to_preset(tmp_path / "new")
    assert not zoo.load(tmp_path / "new").initialized


def test_paths_are_taken_as_they_are(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny(levels=1)
    for folder in ("a folder", "glow.v1", Path("deep") / "er" / "ü"):
        model.save_to_preset(folder)
        assert zoo.info(folder)["name"] == Path(folder).name
        assert zoo.load(folder).get_config() == model.get_config()


# Replacing.


def test_a_preset_is_replaced_whole(own_preset, tiny):
    (own_preset / "README.md").write_text("the model card of other weights")
    tiny(levels=1).save_to_preset(own_preset)
    assert zoo.load(own_preset).levels == 1
    assert sorted(contents(own_preset)) == ["config.json", "metadata.json", "model.weights.h5"]
    assert list(own_preset.parent.iterdir()) == [own_preset]


def test_weights_that_are_not_finite_replace_no_preset(own_preset, tiny):
    before = zoo.load(own_preset).get_weights()
    model = tiny()
    model.trainable_variables[0].assign(model.trainable_variables[0] * np.nan)
    with pytest.raises(ValueError, match=f"'{model.trainable_variables[0].path}' of .* not finite"):
        model.save_to_preset(own_preset)
    for weight, now in zip(before, zoo.load(own_preset).get_weights(), strict=True):
        np.testing.assert_array_equal(weight, now)


def test_an_empty_folder_is_filled(tiny, tmp_path):
    tiny(levels=1).save_to_preset(tmp_path)
    assert zoo.load(tmp_path).levels == 1


@pytest.mark.parametrize("failing", ["save_weights", "metadata", "rename"])
def test_a_failure_leaves_the_old_preset_whole_and_nothing_else(own_preset, tiny, monkeypatch, failing):
    model, before = tiny(levels=1), contents(own_preset)
    real_rename = Path.rename

    def rename(source, target):
        if Path(target) == own_preset and (source / "config.json").exists() and source.name != "old":
            raise OSError("the disk is gone")
        return real_rename(source, target)

    def fail(*_, **__):
        raise OSError("the disk is full")

    if failing == "save_weights":
        monkeypatch.setattr(type(model), "save_weights", fail)
    elif failing == "rename":
        monkeypatch.setattr(Path, "rename", rename)
    metadata = {"license": {1, 2}} if failing == "metadata" else {}
    with pytest.raises((OSError, ValueError)):
        model.save_to_preset(own_preset, metadata)
    assert contents(own_preset) == before
    assert list(own_preset.parent.iterdir()) == [own_preset]
    zoo.load(own_preset)


def test_metadata_that_is_no_json(tiny, tmp_path):
    with pytest.raises(ValueError) as error:
        tiny(levels=1).save_to_preset(tmp_path / "new", {"metrics": {3}})
    assert str(error.value) == "metadata.json cannot be written: Object of type set is not JSON serializable."
    assert not list(tmp_path.iterdir())


def test_a_folder_of_other_things_is_refused(tiny, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OSError) as error:
        tiny(levels=1).save_to_preset(tmp_path)
    assert str(error.value) == f"'{tmp_path}' is neither empty nor a preset, so it is not replaced."
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_file_in_the_way_is_refused(tiny, tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder, message in [
        (tmp_path / "file", f"'{tmp_path}/file' is a file, expected a folder."),
        (tmp_path / "file" / "new", f"'{tmp_path}/file' is a file, expected a folder."),
    ]:
        with pytest.raises(OSError) as error:
            tiny(levels=1).save_to_preset(folder)
        assert str(error.value) == message
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_folder_that_cannot_be_written(tiny):
    with pytest.raises(OSError) as error:
        tiny(levels=1).save_to_preset("/proc/latentzoo/new")
    assert str(error.value) == "'/proc/latentzoo/new' cannot be written: No such file or directory."


# Damage.


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5"])
def test_a_wrong_checksum(own_preset, file):
    content = bytearray((own_preset / file).read_bytes())
    content[len(content) // 2] ^= 1
    expected = registry.sha256(own_preset / file)
    (own_preset / file).write_bytes(content)
    with pytest.raises(ValueError) as error:
        zoo.load(own_preset)
    found = registry.sha256(own_preset / file)
    assert (
        str(error.value) == f"'{own_preset / file}' is damaged: its sha256 is {found}, expected {expected}."
    )


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5"])
def test_a_missing_file(own_preset, file):
    (own_preset / file).unlink()
    with pytest.raises(FileNotFoundError) as error:
        zoo.load(own_preset)
    assert str(error.value) == f"'{own_preset / file}' is missing: the preset is not whole."


def test_a_folder_that_is_no_preset(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        zoo.load(tmp_path)
    assert str(error.value) == f"'{tmp_path}' is no preset: it has no metadata.json."


def test_a_newer_format(own_preset):
    metadata = json.loads((own_preset / "metadata.json").read_text())
    (own_preset / "metadata.json").write_text(json.dumps({**metadata, "format": 2}))
    with pytest.raises(ValueError) as error:
        zoo.load(own_preset)
    assert str(error.value) == (
        f"'{own_preset / 'metadata.json'}' has format 2, and this version of latentzoo reads formats up to "
        "1: install a newer latentzoo."
    )


@pytest.mark.parametrize("kept", [0, 7, 100, 4000, -1])
def test_a_cut_weight_file_with_the_right_checksum(own_preset, kept):
    rewrite(own_preset, "model.weights.h5", (own_preset / "model.weights.h5").read_bytes()[:kept])
    with pytest.raises(ValueError) as error:
        zoo.load(own_preset)
    weights, config = own_preset / "model.weights.h5", own_preset / "config.json"
    assert str(error.value).startswith(f"'{weights}' does not hold the weights of '{config}': ")
    assert "\n" not in str(error.value)


def test_weights_of_another_model(own_preset, tiny, tmp_path):
    for options in ({"depth": 3}, {"width": 4}, {"levels": 1}, {"coupling": "additive"}, {"levels": 3}):
        tiny(**options).save_weights(tmp_path / "other.weights.h5")
        rewrite(own_preset, "model.weights.h5", (tmp_path / "other.weights.h5").read_bytes())
        with pytest.raises(ValueError, match="does not hold the weights of"):
            zoo.load(own_preset)


def test_a_weight_file_without_a_weight(own_preset):
    with h5py.File(own_preset / "model.weights.h5", "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        del file[names[0]]
    rewrite(own_preset, "model.weights.h5", (own_preset / "model.weights.h5").read_bytes())
    with pytest.raises(ValueError, match="does not hold the weights of"):
        zoo.load(own_preset)


@pytest.mark.parametrize(
    "content, message",
    [
        (
            b"",
            "is damaged: expected JSON with registered_name and config (Expecting value: line 1 column 1",
        ),
        (b"[]", "is damaged: expected JSON with registered_name and config (list indices must be integers"),
        (b"{}", "is damaged: expected JSON with registered_name and config ('registered_name')."),
        (
            b"\xff\xfe",
            "is damaged: expected JSON with registered_name and config ('utf-8' codec can't decode",
        ),
        (
            b'{"registered_name": "latentzoo>Glo", "config": {}}',
            "names the class 'latentzoo>Glo', expected a model of this zoo.",
        ),
        (
            b'{"registered_name": "builtins>eval", "config": {}}',
            "names the class 'builtins>eval', expected a model of this zoo.",
        ),
        (b'{"registered_name": [7], "config": {}}', "names the class '[7]', expected a model of this zoo."),
        (
            b'{"registered_name": "latentzoo>Glow", "config": {"levels": 0}}',
            "makes no latentzoo>Glow: levels is 0, expected an integer of at least 1.",
        ),
        (b'{"registered_name": "latentzoo>Glow", "config": {"sword": 1}}', "makes no latentzoo>Glow: "),
        (b'{"registered_name": "latentzoo>Glow", "config": {"width": "%s"}}' % (b"x" * 9000), "makes no "),
        (
            b'{"registered_name": "latentzoo>Glow", "config": {"width": [%s9]}}' % (b"99999999," * 900),
            "has the ",
        ),
        (b'{"registered_name": "%s", "config": {}}' % (b"x" * 9000), "names the class 'xxx"),
        (
            b'{"registered_name": "latentzoo>Glow", "config": [1]}',
            "is damaged: expected JSON with registered_name and config (",
        ),
    ],
)
def test_a_damaged_config_with_the_right_checksum(own_preset, content, message):
    rewrite(own_preset, "config.json", content)
    with pytest.raises(ValueError) as error:
        zoo.load(own_preset)
    assert str(error.value).startswith(f"'{own_preset / 'config.json'}' {message}")
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000


def test_an_unknown_name():
    with pytest.raises(ValueError, match="preset must be a preset's name or a folder .* got 'no-such-glow'"):
        zoo.load("no-such-glow")


def test_nothing_is_pickled():
    sources = [path for path in PACKAGE.rglob("*.py") if not {".venv", "tests"} & set(path.parts)]
    assert sources
    imports = r"import (c?pickle|cloudpickle|dill|joblib|marshal)\b"
    for path in sources:
        assert not re.search(f"{imports}|allow_pickle=True|safe_mode=False", path.read_text()), path
