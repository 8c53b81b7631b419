"""Every preset, exported, in a process that cannot import Keras, TFP or latentzoo."""

import subprocess
import sys
from pathlib import Path

import pytest

from latentzoo import export, zoo

from . import alone
from .flow_requests import answer_of_keras, assert_same, make
from .session import Session

NAMES = [preset["name"] for preset in zoo.list_presets()]


@pytest.fixture(scope="module", params=NAMES)
def preset(request, tmp_path_factory):
    """(model, folder of its export, seconds that the export took)."""
    model = zoo.load(request.param)
    return model, export.saved_model(model, tmp_path_factory.mktemp("models") / request.param)


def test_every_signature_answers_as_keras_where_there_is_no_keras(preset, tmp_path):
    model, folder = preset
    session = Session(folder)
    names = set(session.signatures) - {"serving_default"}
    session.close()
    requests = {name: make(model, name, 2) for name in names}
    alone.save(tmp_path / "requests.npz", requests)
    command = [sys.executable, alone.__file__, folder, tmp_path / "requests.npz", tmp_path / "answers.npz"]
    subprocess.run(command, check=True)
    answers = alone.load(tmp_path / "answers.npz")
    assert set(answers) == names
    for name, inputs in requests.items():
        assert_same(answers[name], answer_of_keras(model, name, inputs))


def test_an_export_is_not_much_larger_than_its_weights(preset):
    model, folder = preset
    weights = sum(weight.value.numpy().nbytes for weight in model.weights)
    size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    assert size <= 1.5 * weights + 5e6
