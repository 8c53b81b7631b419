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
from latentzoo.zoo import tensorflow_log
from latentzoo.zoo.flows import RealNVP
from latentzoo.zoo.registration import register_with_keras, registered_classes

ROOT = Path(__file__).parent.parent


def run(script: str, *arguments, **environment) -> str:
    """The output of a script in a process of its own, which leaves nothing on stderr."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def environment_without(*names: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in names}


def test_the_import_is_light_and_its_names_are_those_a_user_needs():
    script = (
        "import latentzoo, os, sys\n"
        "assert not {'keras', 'tensorflow', 'numpy', 'tensorflow_probability'} & set(sys.modules)\n"
        "latentzoo.zoo.list_presets, latentzoo.export\n"
        "assert 'tensorflow' not in sys.modules\n"
        "print(*dir(latentzoo), os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
    )
    environment = environment_without("TF_CPP_MIN_LOG_LEVEL")
    assert run(script, **environment).split() == [*sorted(latentzoo.__all__), "3"]
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
    named = {(f"latentzoo>{name}", module) for name, module in registered_classes()}
    registered = keras.saving.get_custom_objects().items()
    classes = {(name, one.__module__) for name, one in registered if isinstance(one, type)}
    assert named == {(name, module) for name, module in classes if name.startswith("latentzoo>")}


@pytest.fixture(scope="module")
def flow() -> RealNVP:
    return RealNVP(event_shape=(2,), depth=1, width=4, blocks=0, name="mine")


def test_log_entries_below_the_level_are_dropped_and_all_else_is_kept(monkeypatch, capfd):
    """A stand-in for the import of TensorFlow, which the next test sees."""
    lines = b"I0000 00:00:17.5 12 port.cc:153] oneDNN\nE0000 00:00:17.5 12 a.cc:1] broken\nInfo of mine\n"
    kept = {"0": lines, "1": lines.split(b"\n", 1)[1], "3": b"Info of mine\n", "odd": lines}
    for level, expected in kept.items():
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
        with tensorflow_log.filtered_stderr():
            os.write(2, lines)
        assert capfd.readouterr().err.encode() == expected, level


def test_keras_loads_a_model_though_it_is_imported_after_the_package(flow, tmp_path):
    flow.save(tmp_path / "mine.keras")
    script = (
        "import sys\n"
        "from latentzoo import zoo\n"
        "import keras\n"
        "assert 'tensorflow_probability' not in sys.modules\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "print([weight.tolist() for weight in model.get_weights()])\n"
        "from latentzoo.zoo.flows import RealNVP\n"
        "assert keras.saving.get_registered_object('latentzoo>RealNVP') is RealNVP is type(model)\n"
    )
    weights = ast.literal_eval(
        run(script, tmp_path / "mine.keras", **environment_without("TF_CPP_MIN_LOG_LEVEL"))
    )
    for loaded, weight in zip(weights, flow.get_weights(), strict=True):
        np.testing.assert_array_equal(np.array(loaded, weight.dtype), weight)


def test_keras_loads_a_model_though_it_was_imported_before_the_package(flow, tmp_path, monkeypatch):
    flow.save(tmp_path / "mine.keras")
    monkeypatch.delitem(keras.saving.get_custom_objects(), "latentzoo>RealNVP")
    register_with_keras()
    assert keras.saving.get_registered_object("latentzoo>RealNVP") is not RealNVP
    assert type(keras.models.load_model(tmp_path / "mine.keras")) is RealNVP


def test_another_backend_of_keras_is_refused_in_one_sentence(tmp_path):
    """By whatever needs Keras, whether it is imported or not, and by nothing else."""
    script = (
        "import importlib, pkgutil, sys, latentzoo\n"
        "from latentzoo import cli, zoo\n"
        "from latentzoo.cli import main\n"
        "assert zoo.list_presets()\n"
        "for name in sys.argv[2:]:\n"
        "    try:\n"
        "        importlib.import_module('latentzoo.' + name)\n"
        "        print(name, 'is imported')\n"
        "    except ImportError as error:\n"
        "        assert str(error).startswith('latentzoo needs Keras') and sys.argv[1] in str(error), error\n"
        "assert 'keras' not in sys.modules\n"
        "main.main(main.parse(['latentzoo', 'sample', 'realnvp-moons', '--out', 's.png']))\n"
    )
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    for environment in ({"KERAS_BACKEND": "jax"}, {"KERAS_HOME": str(tmp_path)}):
        source = "'torch'" if "KERAS_HOME" in environment else "KERAS_BACKEND sets the backend 'jax'"
        parts = ("flows", "vaes", "gans", "features", "importers", "model", "networks.layers", "saving")
        needing = ("trainers.training", "metrics.evaluation", *(f"zoo.{part}" for part in parts))
        command = [sys.executable, "-c", script, source, *needing]
        environment = {**environment_without("KERAS_BACKEND"), **environment}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert done.returncode == 2 and not done.stdout, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("latentzoo sample: error: latentzoo needs Keras's TensorFlow backend")
