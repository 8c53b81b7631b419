"""A new metric is one file: it is found, evaluated, known to the command, and keeps the best in training."""

import importlib
import json
import sys

import pytest

from latentzoo import metrics
from latentzoo.cli import capabilities
from latentzoo.metrics import register
from latentzoo.metrics.metric import Metric
from latentzoo.trainers import train

TOY = """
from .metric import metric

VALUES = []


@metric(unit="lumens", better={better!r}, needs=("images",))
def brightness(model, dataset, *, num_examples=None, **settings):
    return {{"protocol": "", "value": VALUES.pop(0), "standard_error": 0.0, "num_examples": num_examples}}
"""


@pytest.fixture
def add_brightness(tmp_path, monkeypatch):
    """Adds the file of the metric, with a direction that is better and the values that it gives in turn."""

    def add(better, *values):
        folder = tmp_path / "more_metrics"
        folder.mkdir()
        (folder / "brightness.py").write_text(TOY.format(better=better))
        monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, "latentzoo.metrics.brightness", raising=False)
        found = register.find_metrics(folder, "latentzoo.metrics")
        monkeypatch.setitem(metrics.METRICS, "brightness", found["brightness"])
        importlib.import_module("latentzoo.metrics.brightness").VALUES.extend(values)

    return add


def test_it_is_evaluated_and_known_to_the_command(add_brightness, painter, pixel_flow, images):
    add_brightness("higher", 3.0)
    for model in (painter, pixel_flow()):
        assert "brightness" in metrics.names_for(model)
    (entry,) = metrics.evaluate(painter, images, names=["brightness"], num_examples=5, verbose=False)
    assert entry == {
        "name": "brightness",
        "unit": "lumens",
        "protocol": "",
        "value": 3.0,
        "standard_error": 0.0,
        "num_examples": 5,
        "dataset": "",
        "split": "test",
    }
    capabilities.of_preset("vae-mnist").check_metrics(["brightness"])
    with pytest.raises(ValueError, match="metrics: got 'brightness', which does not fit 'realnvp-moons'"):
        capabilities.of_preset("realnvp-moons").check_metrics(["brightness"])


@pytest.mark.parametrize("better, best", [("lower", 1.0), ("higher", 4.0), (None, None)])
def test_training_keeps_the_best_by_its_direction(
    better, best, add_brightness, pixel_flow, images, tmp_path, monkeypatch, eager_test
):
    add_brightness(better, 2.0, 1.0, 4.0, 3.0)
    monkeypatch.setattr(pixel_flow, "scores", ("brightness",))
    settings = {"batch_size": 8, "evaluate_every": 1, "verbose": 0}
    train(pixel_flow(), images, workdir=tmp_path / "run", steps=4, eval_dataset=images, **settings)
    kept = tmp_path / "run" / "best" / "metadata.json"
    assert kept.exists() == (best is not None)
    if kept.exists():
        (entry,) = json.loads(kept.read_text())["metrics"]
        assert (entry["name"], entry["value"]) == ("brightness", best)


def test_what_is_declared_is_checked(tmp_path):
    def score(model, dataset, **settings): ...

    with pytest.raises(ValueError, match="^better of toy: got 'more', expected higher, lower or None.$"):
        Metric("toy", "nats", "more", (), score)
    with pytest.raises(ValueError, match="^needs of toy: got 'sample', expected any of scores, images, "):
        Metric("toy", "nats", None, ("sample",), score)
    with pytest.raises(ValueError, match="^options of toy: got 'k', expected any of importance_samples, "):
        Metric("toy", "nats", None, (), score, options=("k",))
    source = "@metric(unit=UNIT, better=None, needs=())\ndef toy(model, dataset): ...\n"
    (tmp_path / "toy.py").write_text(source)
    with pytest.raises(ValueError, match="^metric of toy in '.*toy.py' must have literal arguments, got met"):
        register.find_metrics(tmp_path)
    for name in ("a.py", "toy.py"):
        (tmp_path / name).write_text(source.replace("UNIT", "'nats'"))
    with pytest.raises(ValueError, match="^'.*toy.py' declares the metric toy, which is already declared.$"):
        register.find_metrics(tmp_path)


def test_old_names_of_arguments_work_for_one_version(painter, paintings, halves):
    options = {"names": ["precision"], "network": "halves", "verbose": False}
    with pytest.warns(DeprecationWarning, match="num is num_examples now"):
        old = metrics.evaluate(painter, paintings, num=20, **options)
    assert old == metrics.evaluate(painter, paintings, num_examples=20, **options)
