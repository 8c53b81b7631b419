"""Weights on disk match the model one to one, in presets and in Keras's own files."""

import json
import os
import resource
import zipfile

import h5py
import keras
import numpy as np
import pytest

from latentzoo import zoo
from latentzoo.zoo import registry
from latentzoo.zoo.flows import RealNVP

SMALL = {"event_shape": (2,), "depth": 2, "width": 4}
GAIN = "layers/normalised_coupling/vars/0"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A preset of a small RealNVP."""
    folder = tmp_path_factory.mktemp("presets") / "moons"
    RealNVP(**SMALL).save_to_preset(folder)
    return folder


@pytest.fixture
def preset(saved, tmp_path):
    """A copy of `saved`, and a function that changes its config and weights under right checksums."""
    folder = tmp_path / "moons"
    folder.mkdir()
    for path in saved.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())

    def change(weights=None, **config):
        content = json.loads((folder / "config.json").read_text())
        content["config"].update(config)
        (folder / "config.json").write_text(json.dumps(content))
        if weights:
            with h5py.File(folder / "model.weights.h5", "r+") as file:
                weights(file)
        metadata = json.loads((folder / "metadata.json").read_text())
        metadata["sha256"] = {name: registry.sha256(folder / name) for name in metadata["sha256"]}
        (folder / "metadata.json").write_text(json.dumps(metadata))
        return folder

    return change


def replace(file, path, **options):
    del file[path]
    file.create_dataset(path, **options)


def link(file, path, target):
    del file[path]
    file[path] = target


def virtual(file):
    layout = h5py.VirtualLayout(shape=(1,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(1,))
    del file[GAIN]
    file.create_virtual_dataset(GAIN, layout)


DAMAGE = {
    "it lacks": lambda file: file.pop("layers/normalised_coupling_1"),
    "it lacks 'layers/normalised_coupling/vars/0'": lambda file: file.pop(GAIN),
    "it has 'layers/more/vars/0', which is no weight": lambda file: file.create_dataset(
        "layers/more/vars/0", data=np.zeros(3, "f4")
    ),
    "is [1] of float64, expected [1] of float32": lambda file: replace(file, GAIN, data=np.ones(1)),
    "is [2] of float32, expected [1] of float32": lambda file: replace(file, GAIN, data=np.ones(2, "f4")),
    "has values that are not finite": lambda file: file[GAIN].write_direct(np.full(1, np.nan, "f4")),
    "is a link": lambda file: link(file, GAIN, h5py.ExternalLink("/etc/other.h5", "/x")),
    "/1' is a link": lambda file: link(file, "layers/normalised_coupling/vars/1", h5py.SoftLink(f"/{GAIN}")),
    "under another name too": lambda file: link(file, GAIN, file["layers/normalised_coupling_1/vars/0"]),
    "'loop' is there under another name too": lambda file: (
        link(file, "vars/0", file["layers"]) or file.__setitem__("loop", file["layers"])
    ),
    "does not hold its own data": virtual,
    "/vars/0' does not hold its own data": lambda file: replace(
        file, GAIN, shape=(1,), dtype="f4", external=[("/etc/passwd", 0, 4)]
    ),
    "has fewer bytes than its shape [1000000000000] needs": lambda file: replace(
        file, GAIN, shape=(10**12,), dtype="f4", chunks=(10**6,), compression="gzip"
    ),
    "expected numbers": lambda file: replace(file, GAIN, data="text"),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_each_mismatch_is_one_sentence_that_names_it(preset, message):
    folder = preset(weights=DAMAGE[message])
    with pytest.raises(ValueError) as error:
        zoo.load(folder)
    files = f"'{folder / 'model.weights.h5'}' does not hold the weights of '{folder / 'config.json'}': "
    assert str(error.value).startswith(files)
    assert message in str(error.value) or message == "'loop' is there under another name too"


@pytest.mark.parametrize("depth", [1, 3])
def test_another_depth_is_a_mismatch(preset, depth):
    with pytest.raises(ValueError, match="does not hold the weights of .*: it (lacks|has) 'layers/normal"):
        zoo.load(preset(depth=depth))


@pytest.mark.parametrize(
    "config",
    [
        {"width": 10**9},
        {"depth": 10**6},
        {"num_classes": 10**9},
        {"event_shape": [10**9]},
        {"blocks": 10**6},
        {"width": 1000, "depth": 30},
        {"event_shape": None, "image_shape": [2**30, 2**30, 1]},
    ],
)
def test_a_config_cannot_ask_for_more_than_there_is(preset, config):
    with pytest.raises(
        ValueError, match="config.json' (has the .* more than the weights|makes no .* weights)"
    ):
        zoo.load(preset(**config))


@pytest.mark.parametrize("value", [None, [], {"a": 1}, "9", -1, 1e300, [[[]]], True])
@pytest.mark.parametrize("key", ["width", "event_shape", "seed", "dtype", "name"])
def test_arguments_of_any_kind_are_refused_or_harmless(preset, key, value):
    folder = preset(**{key: value})
    try:
        zoo.load(folder)
    except ValueError as error:
        assert "config.json" in str(error) and "\n" not in str(error)


def test_bfloat16_weights_come_back(tmp_path):
    model = RealNVP(**SMALL, dtype="bfloat16")
    model.save_to_preset(tmp_path / "half")
    for a, b in zip(zoo.load(tmp_path / "half").weights, model.weights, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


# Keras's own files


@pytest.mark.parametrize("damage", ["it lacks", "it has 'layers/more/vars/0'", "has values that are not"])
def test_keras_reads_no_file_that_does_not_match(tmp_path, damage):
    model = RealNVP(**SMALL)
    model.compile("adam")
    model.save(tmp_path / "whole.keras")
    change = next(DAMAGE[message] for message in DAMAGE if message.startswith(damage))
    with zipfile.ZipFile(tmp_path / "whole.keras") as whole:
        whole.extract("model.weights.h5", tmp_path)
        with h5py.File(tmp_path / "model.weights.h5", "r+") as file:
            change(file)
        with zipfile.ZipFile(tmp_path / "damaged.keras", "w") as damaged:
            for name in ("config.json", "metadata.json"):
                damaged.writestr(name, whole.read(name))
            damaged.write(tmp_path / "model.weights.h5", "model.weights.h5")
    with pytest.raises(ValueError, match=damage):
        keras.models.load_model(tmp_path / "damaged.keras")
    with pytest.raises(ValueError, match=damage):
        model.load_weights(tmp_path / "model.weights.h5")


def test_what_compile_adds_need_not_match(tmp_path):
    model = RealNVP(**SMALL)
    model.compile("adam")
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    plain = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(plain.weights[-1], model.weights[-1])
    RealNVP(**SMALL).load_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_file_stays_whole_until_the_next_one_is(tmp_path, name):
    model = RealNVP(**SMALL)
    save = model.save if name.endswith(".keras") else model.save_weights
    os.symlink("elsewhere-" + name, tmp_path / name)
    save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))  # HDF5 crashes where a file cannot grow
    try:
        with pytest.raises(OSError, match=name):
            save(tmp_path / name)
        with pytest.raises(OSError, match="preset"):
            model.save_to_preset(tmp_path / "preset")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / name).read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {name, "elsewhere-" + name}
