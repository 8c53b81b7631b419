"""The benchmark of serving runs from end to end, and its arithmetic is right."""

import importlib
import json
import pathlib
import subprocess
import sys

import pytest

from latentzoo.zoo.flows import Glow

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


def test_the_command_measures_an_export_beside_keras(tmp_path):
    preset, results = tmp_path / "preset", tmp_path / "results.json"
    Glow(image_shape=(8, 8, 1), levels=1, depth=1, width=4).save_to_preset(preset)
    command = [sys.executable, BENCHMARKS / "serving.py", "--quick", "--preset", preset]
    command += ["--batches", "1", "4", "--json", results]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    found = json.loads(results.read_text())
    assert [(row["method"], row["batch"]) for row in found["rows"]] == [
        (method, batch) for batch in (1, 4) for method in ("sample", "log_prob")
    ]
    for row in found["rows"]:
        for name in ("export", "Keras"):
            assert row[name]["calls"] >= 2 and 0 < row[name]["p50_ms"] <= row[name]["p99_ms"]
    assert "| log_prob | 4 |" in printed and 0 < found["weights_bytes"] < found["export_bytes"]


def test_images_per_second_are_those_of_the_median_call(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    serving = importlib.import_module("serving")
    summary = serving.summary([0.1, 0.2, 0.9], batch=8)
    assert summary["images_per_second"] == pytest.approx(40)
    assert (summary["p50_ms"], summary["p99_ms"]) == (200, 900)
    row = {"method": "sample", "batch": 8, "export": summary, "Keras": serving.summary([0.4], batch=8)}
    assert serving.table([row]).splitlines()[-1] == (
        "| sample | 8 | 40.0 | 20.0 | 2.00 | 200.0 | 900.0 | 400.0 | 400.0 |"
    )
