"""The benchmark of StyleGAN2 runs from end to end on tiny sizes. The official code is not installed."""

import importlib
import json
import pathlib
import subprocess
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """The benchmarks are scripts: they import each other from their own folder."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("stylegan2")


def test_the_command_measures_in_a_process_and_says_what_could_not_run(tmp_path):
    results = tmp_path / "results.json"
    command = [sys.executable, BENCHMARKS / "stylegan2.py", "--quick", "--json", results]
    command += ["--contenders", "latentzoo bfloat16", "stylegan2-ada-pytorch"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    ours, official = json.loads(results.read_text())["rows"]
    assert ours["contender"] == "latentzoo bfloat16" and ours["parameters"] > 0
    assert ours["train_images_per_second"] > 0 and ours["generate_images_per_second"] > 0
    # Without PyTorch it fails sooner.
    assert "--official FOLDER" in official["failed"] or "torch" in official["failed"]
    assert "| stylegan2-ada-pytorch | not run:" in run.stdout


def test_ratios_are_of_ours_to_the_peer(benchmark):
    def row(train, generate, peak):
        speeds = {"train_images_per_second": train, "generate_images_per_second": generate}
        return {**speeds, "train_peak_bytes": peak}

    rows = {"latentzoo": row(20, 30, 5e8), "stylegan2-ada-pytorch": row(10, 10, 1e9)}
    assert "| latentzoo / stylegan2-ada-pytorch | 2.00 | 3.00 | 0.50 |" in benchmark.ratio_table(
        rows, benchmark.METHODS
    )
    rows["latentzoo bfloat16"] = {"failed": "no memory"}
    assert "bfloat16" not in benchmark.ratio_table(rows, benchmark.METHODS)
