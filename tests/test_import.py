"""What `import latentzoo` gives: names at once, without TensorFlow, and models that Keras finds by name."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import latentzoo
from latentzoo.zoo.flows import RealNVP
from latentzoo.zoo.registration import register_with_keras

ROOT = Path(__file__).parent.parent


def run(script: str, *arguments, **environment) -> str:
    """The output of a script in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def test_the_import_is_light_and_its_names_are_those_a_user_needs():
    script = (
        "import latentzoo, os, sys\n"
        "assert not {'keras', 'tensorflow', 'numpy', 'tensorflow_probability'} & set(sys.modules)\n"
        "latentzoo.zoo.list_presets, latentzoo.export\n"
        "assert 'tensorflow' not in sys.modules\n"
        "print(*dir(latentzoo), os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    assert run(script, **environment).split() == [*sorted(latentzoo.__all__), "2"]
    assert run(script, **{**environment, "TF_CPP_MIN_LOG_LEVEL": "0"}).split()[-1] == "0"


def test_a_checkout_is_found_by_the_working_directory_too():
    script = "from latentzoo import zoo; print(zoo.__file__)"
    command = [sys.executable, "-S", "-c", script]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env={}).stdout
    assert Path(found.strip()) == ROOT / "zoo" / "__init__.py"


def test_every_name_is_there_and_another_is_an_attribute_error():
    for name in latentzoo.__all__:
        assert getattr(latentzoo, name), name
    with pytest.raises(AttributeError, match="no attribute 'zoos'"):
        latentzoo.zoos  # noqa: B018


def test_all_registered_classes_are_named():
    for package in (latentzoo.trainers, latentzoo.zoo):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    named = {
        f"latentzoo>{name}": getattr(importlib.import_module(module), name)
        for module, names in latentzoo.KERAS_CLASSES.items()
        for name in names
    }
    registered = keras.saving.get_custom_objects()
    assert named == {name: value for name, value in registered.items() if name.startswith("latentzoo>")}


@pytest.fixture(scope="module")
def flow() -> RealNVP:
    return RealNVP(event_shape=(2,), depth=1, width=4, blocks=0, name="mine")


def test_keras_loads_a_model_though_it_is_imported_after_the_package(flow, tmp_path):
    flow.save(tmp_path / "mine.keras")
    script = (
        "import sys\n"
        "from latentzoo import zoo\n"
        "import keras\n"
        "assert 'tensorflow_probability' not in sys.modules\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "print(model.sample(2, seed=3).numpy().tolist())\n"
        "from latentzoo.zoo.flows import RealNVP\n"
        "assert keras.saving.get_registered_object('latentzoo>RealNVP') is RealNVP is type(model)\n"
    )
    samples = run(script, tmp_path / "mine.keras", **os.environ)
    np.testing.assert_allclose(ast.literal_eval(samples), flow.sample(2, seed=3), rtol=1e-6)


def test_keras_loads_a_model_though_it_was_imported_before_the_package(flow, tmp_path, monkeypatch):
    flow.save(tmp_path / "mine.keras")
    monkeypatch.delitem(keras.saving.get_custom_objects(), "latentzoo>RealNVP")
    register_with_keras({"latentzoo.zoo.flows.realnvp": ["RealNVP"]})
    assert keras.saving.get_registered_object("latentzoo>RealNVP") is not RealNVP
    assert type(keras.models.load_model(tmp_path / "mine.keras")) is RealNVP
