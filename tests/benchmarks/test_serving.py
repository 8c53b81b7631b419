"""The benchmark of serving runs from end to end, and its arithmetic is right."""

import importlib
import json
import pathlib

import pytest

from latentzoo.zoo.flows import Glow

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def serving(monkeypatch):
    """The benchmarks are scripts: they import each other from their own folder."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("serving")


def test_the_command_measures_an_export_beside_keras(serving, tmp_path, monkeypatch, capsys):
    preset, results = tmp_path / "preset", tmp_path / "results.json"
    Glow(image_shape=(4, 4, 1), levels=1, depth=1, width=4).save_to_preset(preset)
    measure, asked = serving.measure, []

    def at_once(calls, batch, seconds):
        asked.append(seconds)
        return measure(calls, batch, seconds=0)

    monkeypatch.setattr(serving, "measure", at_once)
    serving.main(["--quick", "--preset", str(preset), "--batches", "1", "4", "--json", str(results)])
    found, printed = json.loads(results.read_text()), capsys.readouterr().out
    assert [(row["method"], row["batch"]) for row in found["rows"]] == [
        (method, batch) for batch in (1, 4) for method in ("sample", "log_prob")
    ]
    assert asked == [1.0] * 4  # --quick
    for row in found["rows"]:
        for name in ("export", "Keras"):
            assert row[name]["calls"] >= 2 and 0 < row[name]["p50_ms"] <= row[name]["p99_ms"]
    assert "| log_prob | 4 |" in printed and 0 < found["weights_bytes"] < found["export_bytes"]


def test_images_per_second_are_those_of_the_median_call(serving):
    summary = serving.summary([0.1, 0.2, 0.9], batch=8)
    assert summary["images_per_second"] == pytest.approx(40)
    assert (summary["p50_ms"], summary["p99_ms"]) == (200, 900)
    row = {"method": "sample", "batch": 8, "export": summary, "Keras": serving.summary([0.4], batch=8)}
    assert serving.table([row]).splitlines()[-1] == (
        "| sample | 8 | 40.0 | 20.0 | 2.00 | 200.0 | 900.0 | 400.0 | 400.0 |"
    )
