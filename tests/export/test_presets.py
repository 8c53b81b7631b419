"""Every preset, exported, in a process that cannot import Keras, TFP or latentzoo."""

import subprocess
import sys

import pytest
from tensorflow.core.protobuf import saved_model_pb2

from latentzoo import export, zoo

from . import alone
from .model_requests import answers_of_keras, assert_same, make, size_of_export

# glow-fashion-mnist is the export of test_readme.py; glow-mnist has its networks.
NAMES = [preset["name"] for preset in zoo.list_presets() if preset["name"] != "glow-fashion-mnist"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Name -> (model, folder of its export)."""
    folder = tmp_path_factory.mktemp("models")
    models = {name: zoo.load(name) for name in NAMES}
    return {name: (model, export.saved_model(model, folder / name)) for name, model in models.items()}


@pytest.fixture(scope="module")
def answers(exports, tmp_path_factory):
    """Name -> (requests, answers) of every signature: one process answers for all."""
    files = tmp_path_factory.mktemp("answers")
    command, requests = [sys.executable, alone.__file__], {}
    for name, (model, folder) in exports.items():
        requests[name] = {signature: make(model, signature, 2) for signature in asked(name, model, folder)}
        alone.save(files / f"{name}.npz", requests[name])
        command += [folder, files / f"{name}.npz", files / f"{name}-answers.npz"]
    subprocess.run(command, check=True)
    return {name: (requests[name], alone.load(files / f"{name}-answers.npz")) for name in exports}


def asked(name, model, folder) -> set[str]:
    """All signatures but old names and PNG twins of the deepest model, which take 5 s each to start."""
    old = {one.name for one in model.serving_signatures() if one.replaced_by}
    kept = {one for one in signatures(folder) if one.removesuffix("_to_png") not in old}
    return {one for one in kept if not one.endswith("_png")} if name == "glow-mnist" else kept


def signatures(folder) -> set[str]:
    """The names in an export's file, but those that TensorFlow adds and the one that is there twice."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    (meta_graph,) = saved.meta_graphs
    return {name for name in meta_graph.signature_def if not name.startswith("__")} - {"serving_default"}


@pytest.mark.parametrize("name", NAMES)
def test_every_signature_answers_as_keras_where_there_is_no_keras(name, exports, answers):
    requests, found = answers[name]
    expected = answers_of_keras(exports[name][0], requests)
    assert set(found) == set(expected)
    for signature, answer in expected.items():
        assert_same(found[signature], answer)


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_not_much_larger_than_its_weights(name, exports):
    model, folder = exports[name]
    weights = sum(weight.value.numpy().nbytes for weight in model.weights)
    assert size_of_export(folder) <= 1.5 * weights + 5e6
